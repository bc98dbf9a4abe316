"""
Muscle spindles drive a stimulated cord
=======================================

Epidural stimulation makes muscles twitch by way of the fibres that come from muscle spindles. These
fibres also do their own work: when a joint moves they fire, and each of their impulses uses up
some of the transmitter that the next pulse of the stimulator will need. Here the spindles of one
package meet the depressing synapses of another.
"""

# %%
# A leg that is moved
# -------------------
# ``proprio_tcn`` computes the muscles of an arm, or of any other limb of a MuJoCo model: here the
# right leg of myo-sim, with its hip for a shoulder and knee and foot for elbow and hand. The ankle
# is moved up and down by 15 degrees, twice in five seconds. The rest is held.
import myo_sim
import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from proprio_tcn import SpindleSettings, encode, open_arm
from proprio_tcn.arms.arm import muscle_velocities
from proprio_tcn.arms.mujoco_models import quiet_mujoco
from proprio_tcn.spindles.encoders import delayed, rest_length_mm
from proprio_tcn.spindles.spike_trains import count_spikes
from spinal_rnn import MUSCLES, Conditions, draw_subject, parse_configuration
from spinal_rnn.simulation.depression import Depression, pulse_responses

with quiet_mujoco():
    model = myo_sim.load_model("myolegs")
joints = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r")
roles = {"hand": "talus_r", "elbow": "tibia_r", "shoulder": "femur_r"}
leg = open_arm(model, free=joints, **roles)

STEP_S = 0.001
time_s = np.arange(0.0, 15.0, STEP_S)
turn = 2 * np.pi * 0.4
angles = np.zeros((len(time_s), 3)) + np.deg2rad([45.0, 60.0, 0.0])
angles[:, 2] = np.deg2rad(15.0) * np.sin(turn * time_s)
speeds = np.zeros_like(angles)
speeds[:, 2] = np.deg2rad(15.0) * turn * np.cos(turn * time_s)
length_m, velocity_m_s = muscle_velocities(leg, angles, speeds)

names = {"soleus_r": "RSol", "gasmed_r": "RMG", "tibant_r": "RTA"}  # to the names of spinal_rnn
places = [leg.muscles.index(name) for name in names]
spindle = 1e3 * np.stack([length_m, velocity_m_s], axis=-1).swapaxes(0, 1)[places]
change_mm = spindle[..., 0] - spindle[:, :1, 0]
for name, change in zip(names.values(), change_mm, strict=True):
    print(f"{name:5} changes its length by {change.min():6.1f} to {change.max():5.1f} mm")

# %%
# What the spindles say
# ---------------------
# The power law of Prochazka and Gorassini gives the rate of a primary (Ia) fibre. It was fitted to
# muscles of cats, so lengths are divided by 3. The fibres are 0.8 m long. Beside the moved leg
# there is one that is held still.
settings = SpindleSettings(encoder="prochazka", length_scale=3.0)
rest_mm = rest_length_mm(leg)[places]
still = np.stack([spindle[:, 0, :1], np.zeros((len(places), 1))], axis=-1)
delay_s = 0.8 / settings.ia_speed_m_s


def primary(spindle):
    """Rates of Ia fibres as they come to the cord, shape (muscles, bins)."""
    rate = encode(spindle, settings, rest_mm=rest_mm, bin_s=STEP_S)[..., 0]
    return delayed(rate, delay_s, STEP_S)


moved_hz = primary(spindle)
still_hz = np.broadcast_to(primary(still), moved_hz.shape)
for name, rate, at_rest in zip(names.values(), moved_hz, still_hz[:, 0], strict=True):
    print(f"{name:5} Ia {rate.min():5.1f} to {rate.max():5.1f} impulses/s, still {at_rest:.1f}")

# %%
# What the cord does with it
# --------------------------
# A simulated person of ``spinal_rnn`` is stimulated 4.7 times a second. The response to a single
# pulse is the part of the motoneurons that it reaches. In a train each pulse uses up a part of the
# transmitter, which comes back with a time constant of 100 ms. The package knows pulses of the
# stimulator only. The step that is ours, and a hypothesis: **an impulse of a spindle uses up
# the transmitter of its own fibre as a pulse does**. So each fibre has one train of impulses, its
# own and the stimulator's, and the same function tells what is left at each.
person = draw_subject(seed=0)
stimulation = Conditions.of(parse_configuration("cath10_an16"), amplitude_ma=3, frequency_hz=4.7)
columns = [MUSCLES.index(name) for name in names.values()]
single = person.response(stimulation).muscle[0, columns]
full_mv = person.waveform.peak_to_peak_mv[columns]
pulse_s = np.arange(1.0, 14.5, 1 / 4.7)
FIBRES = 40


def sizes(rate_hz, use, seed):
    """Transmitter left at each pulse of the stimulator, mean over fibres, shape (pulses,)."""
    rng = np.random.default_rng(seed)
    synapse = Depression(np.array([use]), person.depression.recovery_ms, person.depression.parts)
    trains = np.broadcast_to(rate_hz, (FIBRES, len(time_s)))
    own = count_spikes(trains, rng, interval_cv=settings.ia_interval_cv, bin_s=STEP_S) > 0
    left = np.empty((FIBRES, len(pulse_s)))
    for fibre, fired in enumerate(own):
        impulses_ms = np.concatenate([1e3 * time_s[fired], 1e3 * pulse_s])
        order = np.argsort(impulses_ms, kind="stable")
        size = pulse_responses(np.ones((1, 1)), impulses_ms[order], synapse)[0, :, 0]
        left[fibre] = size[np.argsort(order)][-len(pulse_s) :]
    return left.mean(axis=0)


use = person.depression.use[columns]
swapped_hz = moved_hz[[2, 1, 0]]  # soleus and tibialis anterior
silent_hz = np.zeros_like(moved_hz)
runs = {
    name: single[:, None] * [sizes(*both, seed=0) for both in zip(rates, use, strict=True)]
    for name, rates in {
        "moved": moved_hz,
        "held still": still_hz,
        "silent spindles": silent_hz,
        "swapped": swapped_hz,
    }.items()
}
at_pulse = np.searchsorted(time_s, pulse_s)
print(f"{'response, mV':18}", *(f"{name:>16}" for name in names.values()))
for name, response in runs.items():
    mv = response * full_mv[:, None]
    print(f"{name:18}", *(f"{one.min():8.3f} to{one.max():6.3f}" for one in mv))

# %%
# While soleus lengthens its fibres fire fast, and the stimulator gets a smaller twitch out of it;
# tibialis anterior, which shortens then, gives a larger one. Half a cycle later it is the other way
# round. Responses are shown as a part of the mean one of the leg that is held still; their jitter
# is that of 40 fibres.
shown = slice(int(1.0 / STEP_S), int(8.0 / STEP_S))
colours = dict(zip(names.values(), (PALETTE[0], PALETTE[5], PALETTE[1]), strict=True))
in_window = pulse_s < 8.0
with figure_style():
    figure, axes = new_figure(4, 1, sharex=True, height_mm=150)
    axes[0, 0].plot(time_s[shown], np.rad2deg(angles[shown, 2]), color="black")
    axes[0, 0].set_ylabel("ankle (deg)\nup above 0")
    for row, (name, colour) in enumerate(colours.items()):
        axes[1, 0].plot(time_s[shown], change_mm[row, shown], color=colour, label=name)
        axes[2, 0].plot(time_s[shown], moved_hz[row, shown], color=colour)
        relative = runs["moved"][row] / runs["held still"][row].mean()
        axes[3, 0].plot(pulse_s[in_window], relative[in_window], "o-", ms=3, color=colour)
    axes[1, 0].set_ylabel("length (mm)")
    axes[1, 0].legend(loc="lower right", bbox_to_anchor=(1, 0.95), ncols=3)
    axes[2, 0].set_ylabel("Ia (impulses/s)")
    axes[3, 0].axhline(1.0, color="0.7", linewidth=0.6, zorder=0)
    axes[3, 0].set(ylabel="response\n(held still is 1)", xlabel="time (s)")

# %%
# The twitches themselves, as electrodes would record them.
from_ms, until_ms = 1e3 * pulse_s[0], 1e3 * pulse_s[0] + 2500
few = 1e3 * pulse_s < until_ms
emg_ms = np.arange(0.0, until_ms - from_ms, 0.5)
trains = np.zeros((1, few.sum(), len(MUSCLES)))
trains[0][:, columns] = runs["moved"][:, few].T
emg = person.waveform.train(1e3 * pulse_s[few] - from_ms, trains, emg_ms)[0]
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, height_mm=90)
    for ax, (name, colour), column in zip(axes[:, 0], colours.items(), columns, strict=True):
        ax.plot((emg_ms + from_ms) / 1e3, emg[:, column], color=colour)
        ax.set_ylabel(f"{name} (mV)")
    axes[2, 0].set_xlabel("time (s)")

# %%
# Does it follow the spindles?
# ----------------------------
# Responses against the rate at the moment of the pulse. The line is a formula: what is left in a
# fibre that fires regularly, in the mean over the time between two impulses. Open marks are a
# control: soleus with the impulses of tibialis anterior, and the other way round. A response that
# follows its spindles follows the exchanged ones.
rates = np.linspace(5.0, 160.0, 100)
interval = 1e3 / rates / person.depression.recovery_ms[0]
lost = np.exp(-interval)
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=80, sharey=True)
    for ax, row in zip(axes[0], (0, 2), strict=True):
        name = list(names.values())[row]
        after = (1 - use[row]) * (1 - lost) / (1 - (1 - use[row]) * lost)
        formula = 1 - (1 - after) * (1 - lost) / interval
        ax.plot(rates, single[row] * formula, color="black", label="regular impulses")
        for run, drive, fill in (("moved", moved_hz, None), ("swapped", swapped_hz, "none")):
            x = drive[row, at_pulse]
            ax.plot(x, runs[run][row], "o", ms=4, color=colours[name], mfc=fill, label=run)
            r = np.corrcoef(x, runs[run][row])[0, 1]
            own = np.corrcoef(moved_hz[row, at_pulse], runs[run][row])[0, 1]
            print(f"{name} {run:8} r = {r:.2f} with the rate it gets, {own:.2f} with its muscle's")
        ax.set(xlabel="Ia (impulses/s)", title=name)
        ax.legend()
    axes[0, 0].set_ylabel("response (part of the largest)")

# %%
# How much of it hangs on the rates
# ---------------------------------
# The law has 82 impulses/s in a muscle at rest, those of walking cats. Spindles of a person who
# relaxes fire far less. With 70 impulses/s less in every fibre:
fewer_hz = np.maximum(moved_hz - 70.0, 0.0)
for row, name in enumerate(names.values()):
    high = runs["moved"][row]
    low = single[row] * sizes(fewer_hz[row], use[row], seed=0)
    print(
        f"{name:5} smallest over largest response {high.min() / high.max():.2f}, "
        f"with fewer impulses {low.min() / low.max():.2f}"
    )

# %%
# What is left out: spindles also excite the motoneurons that they reach, and those of other muscles
# through interneurons, which would make the twitch of a stretched muscle larger; and a pulse of the
# stimulator runs outwards too and extinguishes impulses that come in. This page says how strong the
# one effect would be in this model if it were alone.
