"""Which corpora are searched here."""

from functools import cache
from pathlib import Path

from jobs.conf import settings
from jobs.handlers.search.corpus import Corpus
from jobs.handlers.search.documents import FolderCorpus
from jobs.handlers.search.language import LanguageCorpus

_PROJECT = Path(__file__).resolve().parents[3]
_OWN_DOCUMENTS = ("README.md", "docs")


def corpora() -> list[Corpus]:
    """Return the language reference, this project's own documents, and the folder that SEARCH_CORPUS names."""
    found: list[Corpus] = [_language()]
    if (_PROJECT / "manage.py").exists() and any((_PROJECT / name).exists() for name in _OWN_DOCUMENTS):
        found.append(FolderCorpus(_PROJECT, name="this project's documents", only=_OWN_DOCUMENTS))
    if settings.search_corpus is not None:
        found.append(FolderCorpus(settings.search_corpus, name=f"the documents in {settings.search_corpus.name}"))
    return found


@cache
def _language() -> LanguageCorpus:
    return LanguageCorpus()
