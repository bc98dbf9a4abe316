"""Bodies that walk, their reference gait and its reward.

Importing this registers ``brainnn/BipedImitation-v0``, ``brainnn/WalkerImitation-v0`` and
``brainnn/MuscleLegs-v0`` with Gymnasium.
"""

import gymnasium

__all__: list[str] = []

# entry points are strings: Box2D or MuJoCo is imported when the first environment is made
for _name, _entry in (
    ("BipedImitation", "biped:BipedImitationEnv"),
    ("WalkerImitation", "walker:WalkerImitationEnv"),
    ("MuscleLegs", "muscle_legs:MuscleLegsEnv"),
):
    gymnasium.register(id=f"brainnn/{_name}-v0", entry_point=f"brainnn.bodies.{_entry}")
