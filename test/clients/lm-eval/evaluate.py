"""What lm-evaluation-harness finds, as JSON: scores of each task, and what the model answered to each of its items.

usage: evaluate.py MODEL ARGUMENTS TASK[,TASK] [--chat]

The fixture is what its own backend finds on SmolLM2 (../shared/models/smollm2-135m-instruct), with torch 2.13.0 and transformers 5.24.0:

    python3 to_hf.py FOLDER --dtype f32
    python3 evaluate.py hf pretrained=FOLDER,dtype=float32,device=cpu quern_choices,quern_texts
    python3 evaluate.py hf pretrained=FOLDER,dtype=float32,device=cpu quern_texts --chat
"""
import json
import sys

import lm_eval
from lm_eval.tasks import TaskManager

model, arguments, tasks = sys.argv[1:4]
chat = "--chat" in sys.argv
found = lm_eval.simple_evaluate(
    model=model,
    model_args=arguments,
    tasks=tasks.split(","),
    task_manager=TaskManager(include_path=".", include_defaults=False),
    apply_chat_template=chat,
    bootstrap_iters=0,
    log_samples=True,
)
told = {
    task: {
        "scores": {
            name.split(",")[0]: score
            for name, score in found["results"][task].items()
            if isinstance(score, float) and "stderr" not in name
        },
        "answers": [
            sample["resps"] for sample in sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
        ],
    }
    for task in tasks.split(",")
}
print(json.dumps(told))
