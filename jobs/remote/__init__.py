"""Workers in other languages and on other machines: they speak HTTP, under the same fences as the worker processes here."""
