"""What a compiled MuJoCo model holds, in the terms of :mod:`proprio_tcn.arms.geometry`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms.geometry import (
    GROUND,
    Body,
    Motion,
    Muscle,
    PathPoint,
    Wrap,
    WrapObject,
)

if TYPE_CHECKING:
    import mujoco  # type: ignore[import-untyped]

__all__ = ["Reading"]

Floats = NDArray[np.float64]

# MuJoCo's numbers for the kinds of joints, constraints, tendon elements and transmissions.
_SLIDE, _HINGE = 2, 3
_JOINT_KINDS = {0: "free", 1: "ball"}
_JOINT_EQUALITY, _TENDON_EQUALITY = 2, 3
_WRAP_KINDS = {1: "joint", 2: "pulley"}
_SITE, _SPHERE, _CYLINDER = 3, 4, 5
_TENDON_TRANSMISSION = 3
_MUSCLE_GAIN = 2


class Reading:
    """One model, its names, and what of it could not be taken over.

    Raises:
        ValueError: Two things of a kind have one name.
    """

    def __init__(self, model: "mujoco.MjModel", suffix: str) -> None:
        self.model, self.suffix = model, suffix
        self._text: bytes = model.names
        self.notes: list[str] = []
        self.title = self._text[: self._text.index(b"\0")].decode() or "mujoco"
        self.body_names = [GROUND, *(self._name("body", one) for one in range(1, model.nbody))]
        self.joint_names = [self._name("jnt", one) for one in range(model.njnt)]
        for kind, names in (("bodies", self.body_names), ("joints", self.joint_names)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(
                    f"Several {kind} are called {', '.join(twice)} (without {suffix!r}, and the "
                    f"world is called {GROUND!r}): rename them"
                )
        self.drives = self._drives()

    def _name(self, kind: str, index: int) -> str:
        start = int(getattr(self.model, f"name_{kind}adr")[index])
        name = self._text[start : self._text.index(b"\0", start)].decode()
        return name.removesuffix(self.suffix) if name else f"{kind}{index}"

    def reference(self, joint: int) -> float:
        """Value of a joint in which its body is as the file places it."""
        return float(self.model.qpos0[self.model.jnt_qposadr[joint]])

    def is_single(self, joint: int) -> bool:
        """Whether a joint has one degree of freedom."""
        return int(self.model.jnt_type[joint]) in (_SLIDE, _HINGE)

    def _drives(self) -> dict[int, tuple[str, Polynomial]]:
        """Of each joint: the coordinate that drives it, and its own value from that."""
        model = self.model
        coupled: dict[int, tuple[int, Polynomial]] = {}
        for index in range(model.neq):
            if not model.eq_active0[index]:
                self.notes.append(f"Constraint {self._name('eq', index)} is not active: left out.")
            elif model.eq_type[index] == _JOINT_EQUALITY:
                first, second = int(model.eq_obj1id[index]), int(model.eq_obj2id[index])
                coupled[first] = (second, Polynomial(model.eq_data[index, :5]))
            elif model.eq_type[index] == _TENDON_EQUALITY:
                self.notes.append(f"Constraint {self._name('eq', index)} of tendons: left out.")
            else:
                raise ValueError(
                    f"Constraint {self._name('eq', index)!r} holds bodies together in other ways "
                    "than by joints, which an arm here cannot: remove it from the model"
                )
        drives = {}
        for joint in range(model.njnt):
            if self.is_single(joint):
                drives[joint] = self._resolve(joint, coupled, ())
        return drives

    def _resolve(
        self, joint: int, coupled: dict[int, tuple[int, Polynomial]], above: tuple[int, ...]
    ) -> tuple[str, Polynomial]:
        if joint not in coupled:
            return self.joint_names[joint], Polynomial([0.0, 1.0])
        driver, law = coupled[joint]
        if driver in (joint, *above):
            raise ValueError(
                f"Joint {self.joint_names[joint]!r} is coupled to itself: remove an equality of "
                "the model that leads back to it"
            )
        if driver < 0:
            return "", Polynomial([self.reference(joint) + law.coef[0]])
        name, value = self._resolve(driver, coupled, (*above, joint))
        # MuJoCo: y - y_reference = law(x - x_reference)
        return name, self.reference(joint) + law(value - self.reference(driver))

    def coordinates(self) -> dict[str, tuple[float, float, float]]:
        """Joints that follow no other: lowest and highest value, and the model's reference."""
        model = self.model
        found = {}
        for joint, (name, _) in self.drives.items():
            if name != self.joint_names[joint]:
                continue
            low, high = (float(one) for one in model.jnt_range[joint])
            if not model.jnt_limited[joint]:
                low, high = (
                    (-np.inf, np.inf) if model.jnt_type[joint] == _SLIDE else (-np.pi, np.pi)
                )
            found[name] = (low, high, self.reference(joint))
        return found

    def bodies(self) -> tuple[Body, ...]:
        """All bodies, parents first."""
        model = self.model
        bodies = []
        for index in range(1, model.nbody):
            axes = _matrix(model.body_iquat[index])
            bodies.append(
                Body(
                    self.body_names[index],
                    self.body_names[int(model.body_parentid[index])],
                    tuple(self._motions(index)),
                    float(model.body_mass[index]),
                    np.array(model.body_ipos[index]),
                    axes @ np.diag(model.body_inertia[index]) @ axes.T,
                )
            )
        return tuple(bodies)

    def _motions(self, body: int) -> Iterator[Motion]:
        model = self.model
        turn, offset = _matrix(model.body_quat[body]), np.array(model.body_pos[body])
        first = int(model.body_jntadr[body])
        for joint in range(first, first + int(model.body_jntnum[body])):
            if not self.is_single(joint):
                self.notes.append(
                    f"Joint {self.joint_names[joint]} of kind "
                    f"{_JOINT_KINDS[int(model.jnt_type[joint])]}: held as the file places it."
                )
                continue
            anchor = np.array(model.jnt_pos[joint])
            yield Motion("fixed", rotation=turn, offset=offset + turn @ anchor)
            name, value = self.drives[joint]
            slides = model.jnt_type[joint] == _SLIDE
            powers = (value - self.reference(joint)).coef
            yield Motion(
                "translation" if slides else "rotation",
                axis=np.array(model.jnt_axis[joint]),
                coordinate=name,
                polynomial=tuple(float(one) for one in powers),
            )
            turn, offset = np.eye(3), -anchor
        yield Motion("fixed", rotation=turn, offset=offset)

    def muscles(self) -> tuple[tuple[Muscle, ...], tuple[WrapObject, ...]]:
        """Actuated tendons, and the objects that they slide over."""
        model = self.model
        muscles: list[Muscle] = []
        objects: dict[int, WrapObject] = {}
        pulled = set()
        for index in range(model.nu):
            name = self._name("actuator", index)
            if model.actuator_trntype[index] != _TENDON_TRANSMISSION:
                self.notes.append(f"Actuator {name} pulls no tendon: no muscle.")
                continue
            tendon = int(model.actuator_trnid[index, 0])
            pulled.add(tendon)
            path = self._path(tendon, objects)
            if isinstance(path, str):
                self.notes.append(f"Muscle {name} is left out: its tendon has a {path}.")
            else:
                muscles.append(Muscle(name, *path, *self._fibres(index)))
        rest = [self._name("tendon", one) for one in range(model.ntendon) if one not in pulled]
        if rest:
            self.notes.append(f"Tendons without actuator are no muscles: {', '.join(rest)}.")
        return tuple(muscles), tuple(objects.values())

    def _path(
        self, tendon: int, objects: dict[int, WrapObject]
    ) -> tuple[tuple[PathPoint, ...], tuple[Wrap, ...]] | str:
        """Points and wraps of a tendon, or the kind of element that has no counterpart."""
        model = self.model
        points: list[PathPoint] = []
        wraps: list[Wrap] = []
        first = int(model.tendon_adr[tendon])
        for element in range(first, first + int(model.tendon_num[tendon])):
            kind, index = int(model.wrap_type[element]), int(model.wrap_objid[element])
            if kind == _SITE:
                body = self.body_names[int(model.site_bodyid[index])]
                points.append(PathPoint(body, np.array(model.site_pos[index])))
            elif kind in (_SPHERE, _CYLINDER):
                found = objects.setdefault(index, self._object(index, kind))
                side = self._side(index, round(float(model.wrap_prm[element])))
                last = len(points)
                wraps.append(Wrap(found.name, last - 1, last, "mujoco", side))
            else:
                return _WRAP_KINDS.get(kind, f"element of kind {kind}")
        return tuple(points), tuple(wraps)

    def _object(self, geom: int, kind: int) -> WrapObject:
        model = self.model
        return WrapObject(
            self._name("geom", geom),
            self.body_names[int(model.geom_bodyid[geom])],
            "sphere" if kind == _SPHERE else "cylinder",
            _matrix(model.geom_quat[geom]),
            np.array(model.geom_pos[geom]),
            np.full(3, model.geom_size[geom, 0]),
        )

    def _side(self, geom: int, site: int) -> Floats | None:
        model = self.model
        if site < 0:
            return None
        if model.site_bodyid[site] != model.geom_bodyid[geom]:
            raise ValueError(
                f"Side site {self._name('site', site)!r} of {self._name('geom', geom)!r} must ride "
                "on the same body as the object"
            )
        offset = np.array(model.site_pos[site] - model.geom_pos[geom])
        found: Floats = _matrix(model.geom_quat[geom]).T @ offset
        return found

    def _fibres(self, actuator: int) -> tuple[float, float, float, float]:
        """Optimal fibre and tendon slack length, pennation and force of a MuJoCo muscle."""
        model = self.model
        if model.actuator_gaintype[actuator] != _MUSCLE_GAIN:
            return (np.nan,) * 4
        low, high, force, scale = (float(one) for one in model.actuator_gainprm[actuator, :4])
        lengths = model.actuator_lengthrange[actuator]
        fibre = float(lengths[1] - lengths[0]) / (high - low)
        force = force if force >= 0 else scale / float(model.actuator_acc0[actuator])
        return fibre, float(lengths[0]) - low * fibre, np.nan, force

    def place(self, wanted: str) -> tuple[str, Floats]:
        """Body and place on it of a site, or of a body's origin.

        The place has shape (3,), m.

        Raises:
            ValueError: The model has no such site or body.
        """
        model = self.model
        for index in range(model.nsite):
            if self._name("site", index) == wanted:
                body = self.body_names[int(model.site_bodyid[index])]
                return body, np.array(model.site_pos[index])
        if wanted in self.body_names:
            return wanted, np.zeros(3)
        raise ValueError(
            f"The model has no site or body {wanted!r}; its bodies are "
            f"{', '.join(self.body_names[1:])}"
        )

    def world_place(self, wanted: str, values: Mapping[str, float]) -> Floats:
        """Where a site or body is in a posture, in the model's axes.

        Shape (3,), m.
        """
        import mujoco

        body, place = self.place(wanted)
        data = mujoco.MjData(self.model)
        for joint, (name, value) in self.drives.items():
            angle = value(values.get(name, 0.0))
            data.qpos[self.model.jnt_qposadr[joint]] = angle
        mujoco.mj_kinematics(self.model, data)
        index = self.body_names.index(body)
        return np.array(data.xpos[index] + data.xmat[index].reshape(3, 3) @ place)


def _matrix(quaternion: ArrayLike) -> Floats:
    """Rotation matrix of a quaternion (w, x, y, z), normalised."""
    w, x, y, z = np.asarray(quaternion, np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
