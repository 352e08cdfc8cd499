# Completion of ucupdate in bash. The script comes from the command itself, so that both always fit.
source <(ucupdate completions bash)
