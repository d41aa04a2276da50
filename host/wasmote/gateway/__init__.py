"""The gateway: many boards, their modules and streams, models fed from them, and what became of it all.

`Gateway` (core) supervises one `BoardSession` (session) a board, one `Pipeline` (pipeline) a model, the
`Store` (store) they meet in, and the HTTP face (http). Sessions write records, pipelines turn stored records
into stored predictions, sinks and readers follow the stored predictions: each part can fall over and go on
from what is stored, and a slow one holds nobody up.
"""
