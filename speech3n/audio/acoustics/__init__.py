"""What happens to sound on its way: rooms, telephone lines, and the filters that they are made of."""
