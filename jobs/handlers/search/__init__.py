"""The job `search`: a question answered from the language reference, the standard library, and folders of documents.

corpora -> language, documents (markdown, html, prose) -> passages -> index (FTS5) -> ranking -> answer -> handler
"""

from jobs.handlers.search.handler import search

__all__ = ["search"]
