"""The shapes of environments, work trees and mirrors, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel


class EnvironmentPath(BaseModel):
    environment_id: str = Field(max_length=100, description="id of an environment, work tree or mirror")


class Environment(BaseModel):
    """An environment, work tree or mirror for scripts from git."""

    id: str
    kind: Literal["environment", "tree", "mirror"]
    repository: str | None
    commit: str | None
    size: Annotated[int, Field(description="bytes")]
    created: float
    used: float


class Environments(RootModel[list[Environment]]):
    """All of them, the most recently used first."""
