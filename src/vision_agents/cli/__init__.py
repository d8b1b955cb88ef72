"""The command line: `vision-agents demo | call | replay | report | lab | models | doctor`."""
