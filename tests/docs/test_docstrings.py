"""The first line of a docstring says what the thing is or does; it does not begin like a question."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "vision_agents"
QUESTIONS = {"How", "What", "When", "Where", "Whether", "Which", "Who", "Whom", "Whose", "Why"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def first_words(source):
    """The line and the first word of each docstring."""
    for node in ast.walk(ast.parse(source)):
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text:
            yield getattr(node, "lineno", 1), text.split()[0]


@pytest.mark.parametrize("package", sorted({path.relative_to(SOURCE).parts[0] for path in SOURCE.rglob("*.py")}))
def test_no_docstring_opens_with_a_question(package):
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}: {word} …"
        for path in sorted((SOURCE / package).rglob("*.py"))
        for line, word in first_words(path.read_text(encoding="utf-8"))
        if word in QUESTIONS
    ]
    assert not wrong, "\n".join(wrong)
