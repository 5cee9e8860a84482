"""Charts: a frame in, a figure (HTML or SVG text) out. No Streamlit in here."""
