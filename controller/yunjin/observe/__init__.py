"""What the substrates hold now, with its age; an endpoint that does not answer is unknown, never empty."""

from yunjin.observe.observations import Observation, Observations, Unknown, observe_all

__all__ = ["Observation", "Observations", "Unknown", "observe_all"]
