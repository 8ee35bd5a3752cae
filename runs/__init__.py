"""What the entry points share: run folders, safe configs, and errors that say what to mend."""
