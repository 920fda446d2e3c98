"""Redis: slot holds that expire by themselves."""
