"""The commands of `chartkeep` without its screens: one module per group of subcommands.

`args` declares what each subcommand takes, `reading`, `editing`, `moving`, `upkeep`,
`transfer` and `completion` do the work, `names` finds the chart or step a person means,
`shapes` says what `--json` prints and `output` writes to the terminal. Nothing here is
imported before it is needed: `chartkeep --help` must not wait for a store.
"""
