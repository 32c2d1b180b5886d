"""From hypotheses to captions: when text becomes final, and how runaway repetition is cut."""
