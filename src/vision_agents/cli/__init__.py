"""The command line: `vision-agents demo | call | serve | token | replay | report | lab | models | doctor`."""
