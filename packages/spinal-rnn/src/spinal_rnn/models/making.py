"""Models from their configs."""

from dataclasses import asdict

from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.model_config import AnatomicalConfig, EnsembleConfig, ModelConfig
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import Model
from spinal_rnn.models.baselines import baseline
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.forms import Form
from spinal_rnn.models.geometric import GeometricForm

__all__ = ["make_ensemble", "make_model"]

_LEARNING = ("members", "folds", "updates", "learning_rate")


def make_model(
    config: ModelConfig, lead: Lead = SPECIFY_565, *, late_ms: float = 165.0, seed: int = 0
) -> Model:
    """A model of late responses that has learnt nothing yet.

    Args:
        config: Which one, and its settings.
        lead: Where the contacts lie.
        late_ms: `spinal_rnn.responses.late_ms` of the session.
        seed: Of the first parameters and of the folds.

    Raises:
        ValueError: There is no such model.
    """
    if not isinstance(config, EnsembleConfig):
        return baseline(config.name, lead, seed=seed)
    return make_ensemble(config, lead, late_ms=late_ms, seed=seed)


def make_ensemble(
    config: EnsembleConfig, lead: Lead = SPECIFY_565, *, late_ms: float = 165.0, seed: int = 0
) -> RootEnsemble:
    """An ensemble of root models that has learnt nothing yet.

    Args:
        config: Its form and settings.
        lead: As for :func:`make_model`; so are the others.
        late_ms: As lead.
        seed: As lead.
    """
    settings = asdict(config)
    learning = {name: settings.pop(name) for name in _LEARNING}
    settings.pop("name")
    chosen = AnatomicalForm if isinstance(config, AnatomicalConfig) else GeometricForm
    form: Form = chosen(lead=lead, late_ms=late_ms, **settings)
    return RootEnsemble(form, **learning, seed=seed)
