"""The steps in order, and what each reads and writes. No step calls the next: they meet on disk.

| step     | reads                              | writes                                           |
|----------|------------------------------------|--------------------------------------------------|
| harvest  | query sheets, lists, folders       | a workspace: `catalog.db`, `photos/`, the yield  |
| train    | class folders, a kept split        | a split, `runs/<id>/` (weights, figures, report) |
| evaluate | a run or a model file, a folder    | nothing, or a report where it is told to         |
| export   | a run, its photos                  | one model file                                   |
| predict  | a model file, pictures             | nothing                                          |

What `status` says of them is in `steps`, as data. `credits`, `export_folder`, `forget` and `providers` are commands
beside the way. `train` runs the stale steps before it: it reads the folder, and draws the split unless one is kept.
"""
