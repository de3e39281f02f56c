"""Pictures of measured cells as SVG that stands alone: no script, no font, no request."""
