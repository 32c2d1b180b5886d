"""Where things stand in the charts of the page; templates draw them.

Horizontal places are percentages of the width, so that a chart fills a phone as well as a screen while its text keeps
its size; vertical ones are pixels.
"""
