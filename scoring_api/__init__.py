"""The scoring API: advice on return lines over HTTP, with reasons, a confidence and an audit."""
