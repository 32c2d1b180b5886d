"""Damaged and hostile input of every kind, made from what the repository itself writes.

`make test` tries some hundreds of inputs, the same ones each time; `make fuzz` tries 10,000 new ones.
"""
