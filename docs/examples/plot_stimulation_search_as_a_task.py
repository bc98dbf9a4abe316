"""
A stimulation search as a task for reinforcement learning
==========================================================

To look for a stimulation is to act, see the answer, and act again: a task for an agent, one would
think. Here stable-baselines3 gets it as a Gymnasium environment, beside the search of the package
and beside chance, at an equal number of trials.
"""

# %%
# The task
# --------
# An action is one number for each of the seventeen contacts, an amplitude and a frequency, of which
# one is allowed here. The limits are inside: whatever is asked for is projected into them. An
# observation is the answer of fourteen muscles. The reward is the selectivity for the right rectus
# femoris, less a penalty where that muscle hardly answers.
import numpy as np
import torch
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from spinal_rnn import MUSCLES, draw_subject, measure_responses
from spinal_rnn.control.candidates import evaluate
from spinal_rnn.control.environment import StimulationEnv
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.model import EnsembleSurrogate
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.control.regret import Truth
from spinal_rnn.control.search_space import single
from spinal_rnn.control.searches import search
from spinal_rnn.control.sequential import Plan, SimulatedPerson, best_measured, correct, run
from spinal_rnn.control.surrogate import Doubt
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.simulation.simulator import simulate_session

torch.set_num_threads(1)
seed, hz, episode = 1, 20.0, 10
person, session = draw_subject(seed), simulate_session(seed)
target = Selectivity((MUSCLES.index("RRF"),))
limits = Limits(frequencies_hz=(hz,))
truth = Truth(person, hz)


def new_task():
    """A task that has seen no trial yet."""
    return StimulationEnv(truth, target, limits, trials=episode)


env = new_task()
check_env(env, skip_render_check=True)
alone = evaluate(truth, target, single(limits), limits)
print(f"actions {env.action_space.shape}, observations {env.observation_space.shape}")
print(f"best single contact: {alone.names[0]}, {alone.mean[0]:.3f}")

# %%
# The package's own search
# ------------------------
# It has a model of what people have in common, fits it to a mapping session, searches the model,
# and measures twenty series. Its trials are noisy, all of them count, and what it recommends in the
# end is scored on the response without noise.
surrogate = EnsembleSurrogate.fit(measure_responses(session), hz, RootEnsemble())
found = search(surrogate, target, limits, methods=["exhaustive", "random", "gradient"])
pool = np.concatenate([one.first(60).vectors for one in found.values()])
plan = Plan(series=20)
trials = run(surrogate, target, pool, SimulatedPerson(person, seed), limits, plan=plan)
believed = correct(surrogate, trials, Doubt(), person.lead)
chosen = best_measured(believed, target, limits, plan, trials)
recommended = float(target(truth.responses(chosen.conditions))[0, 0])
budget = len(session) + sum(len(one) for one in trials.proposals)
print(f"{len(session)} mapping trials and {budget - len(session)} more: {recommended:.3f}")


# %%
# An agent, and chance
# --------------------
# Both get as many trials of the person. They have it easier: the answers that they see are without
# noise. On the other hand they know nothing of roots, leads or neighbours.
def rewards(task):
    """Of all trials that a task has seen."""
    return [trial["reward"] for trial in task.history]


def by_chance(seed):
    """Actions that are drawn evenly."""
    tried = new_task()
    tried.action_space.seed(seed)
    tried.reset(seed=seed)
    for trial in range(1, budget + 1):
        tried.step(tried.action_space.sample())
        if trial % episode == 0:
            tried.reset()
    return rewards(tried)


def by_agent(seed, trials):
    """PPO from nothing; what it met, and what the trained policy does in an episode."""
    tried, last = new_task(), new_task()
    settings = {"n_steps": 11 * episode, "batch_size": 55, "learning_rate": 1e-3}
    agent = PPO("MlpPolicy", tried, seed=seed, device="cpu", **settings).learn(trials)
    seen, _ = last.reset(seed=seed)
    for _ in range(episode):
        seen, *_ = last.step(agent.predict(seen, deterministic=True)[0])
    return rewards(tried), rewards(last), last.history[-1]["vector"]


seeds = range(3)
chance = [by_chance(one) for one in seeds]
agents = [by_agent(one, budget) for one in seeds]
longer = by_agent(0, 3 * budget)


def numbers(values):
    """Each of some numbers, to be printed."""
    return ", ".join(f"{value:6.3f}" for value in values)


print(f"{budget} trials each, three seeds")
print(f"chance, the best that it met:    {numbers([max(met) for met in chance])}")
print(f"agent, the best that it met:     {numbers([max(met) for met, _, _ in agents])}")
print(f"agent, its policy in the end:    {numbers([np.mean(end) for _, end, _ in agents])}")
print(f"agent, three times as many, policy: {np.mean(longer[1]):.3f}")
print(f"the package's search:            {recommended:6.3f}")

# %%
# Where the trials went
# ---------------------
# The agent's policy ends below the single contact that an exhaustive look at sixteen finds, and the
# search with a model above it. Among a thousand trials the agent met better ones than its policy
# gives; but to know which these were, their answers must be free of noise.
with figure_style():
    figure, axes = new_figure(1, 3, height_mm=110, width_ratios=(2, 1, 1))
    ax = axes[0, 0]
    for name, colour, runs in (
        ("chance", "0.6", chance),
        ("agent", PALETTE[1], [met for met, _, _ in agents]),
    ):
        for number, met in enumerate(runs):
            best = np.maximum.accumulate(met)
            ax.plot(best, color=colour, label=None if number else f"{name}, best so far")
    ends = [np.mean(end) for _, end, _ in agents]
    ax.plot([budget] * len(ends), ends, "s", color=PALETTE[1], label="agent, its policy")
    ax.plot(budget, recommended, "o", color=PALETTE[0], label="search with a model")
    ax.axhline(alone.mean[0], color="0.3", lw=0.8, ls=":", label="best single contact")
    ax.set(xlabel="trials", ylabel="true selectivity", ylim=(-0.6, 1))
    ax.legend(loc="lower center")
    for place, title, vector in (
        (1, "search", chosen.vectors[0]),
        (2, "agent, seed 0", agents[0][2]),
    ):
        lead_plot(axes[0, place], person.lead, vector, title=title)
