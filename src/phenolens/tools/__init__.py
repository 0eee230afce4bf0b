"""One answer to each question: what the study, the command and a notebook all call."""
