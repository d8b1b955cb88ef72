"""Language models on this machine, by llama.cpp."""

from .engine import LlamaError
from .llm import LLM
from .prompt import SMOLLM2_EXAMPLES

__all__ = ["LLM", "SMOLLM2_EXAMPLES", "LlamaError"]
