"""Examples of each command, for help, manual pages and the reference."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "oet": (
        "oet status",
        "oet procedure run file://hello_world.py --name=Bob",
        "oet activity run observe sbd-mid-demo --subarray_id=2",
    ),
    "oet procedure": (
        "oet procedure create file:///scripts/observe.py --band=5a",
        "oet procedure start --scans=3",
        "oet procedure stop",
    ),
    "oet procedure create": (
        "oet procedure create file:///scripts/observe.py 'some text' --band=5a",
        "oet procedure create git://observe.py --git_branch=main --create_env=True",
    ),
    "oet procedure list": (
        "oet procedure list",
        "oet procedure list --all --state=FAILED --since=12h",
        "oet procedure list 3 --output=json",
    ),
    "oet procedure start": (
        "oet procedure start",
        "oet procedure start --pid=3 --scans=4 --dry-run",
        "oet procedure start --no-listen -- 3",
    ),
    "oet procedure stop": (
        "oet procedure stop",
        "oet procedure stop 3 --run_abort=False",
        "oet procedure stop --force",
    ),
    "oet procedure pause": (
        "oet procedure pause --note='cloud in the north'",
        "oet procedure pause 3 --at='scan.*' --wait",
    ),
    "oet procedure resume": ("oet procedure resume",),
    "oet procedure answer": (
        "oet procedure answer",
        "oet procedure answer yes --pid=3",
    ),
    "oet procedure describe": ("oet procedure describe 3",),
    "oet procedure logs": (
        "oet procedure logs 3 --tail=20 --follow",
        "oet procedure logs --stream=stderr",
    ),
    "oet procedure files": ("oet procedure files 3",),
    "oet procedure fetch": (
        "oet procedure fetch 3 result.csv plots --to=night",
        "oet procedure fetch 3",
    ),
    "oet procedure wait": (
        "oet procedure wait 3 --timeout=600 && echo observed",
        "oet procedure wait --progress",
    ),
    "oet procedure run": (
        "oet procedure run file:///scripts/observe.py --scans=4",
        "oet procedure run git://observe.py --git_repo=https://host/scripts.git",
        'oet procedure run file://observe.py --init_kwargs=\'{"band": "5a"}\'',
    ),
    "oet procedure check": (
        "oet procedure check file:///scripts/observe.py --scans=4",
        "oet procedure check git://observe.py --git_branch=main --output=json",
    ),
    "oet procedure schema": ("oet procedure schema file:///scripts/observe.py",),
    "oet procedure rerun": (
        "oet procedure rerun --pid=12",
        "oet procedure rerun --pid=12 --start --scans=4",
        "oet procedure rerun --pid=12 --newest",
    ),
    "oet procedure diff": ("oet procedure diff 12 19",),
    "oet activity": (
        "oet activity run observe sbd-mid-demo",
        "oet activity list",
    ),
    "oet activity run": (
        "oet activity run observe sbd-mid-demo",
        "oet activity run observe sbd-1 --sbd-version=3",
        "oet activity run observe sbd-1 --simulate",
        'oet activity run observe sbd-1 --script-args=\'{"main": {"kwargs": {"n": 2}}}\'',
    ),
    "oet activity check": ("oet activity check observe sbd-mid-demo",),
    "oet activity rerun": (
        "oet activity rerun --aid=3",
        'oet activity rerun --aid=3 --script-args=\'{"main": {"kwargs": {"n": 2}}}\'',
    ),
    "oet activity list": (
        "oet activity list",
        "oet activity list --all --limit=50",
    ),
    "oet activity describe": ("oet activity describe 2",),
    "oet activity stop": (
        "oet activity stop",
        "oet activity stop 2 --run_abort=False",
    ),
    "oet abort": (
        "oet abort --subarray_id=2",
        "oet abort --restart",
    ),
    "oet script": (
        "oet script list",
        "oet script show file://hello_world.py",
    ),
    "oet script list": ("oet script list",),
    "oet script show": ("oet script show file://hello_world.py",),
    "oet environment": ("oet environment list",),
    "oet environment list": ("oet environment list",),
    "oet environment remove": ("oet environment remove 5d770bf79f2f3d6c",),
    "oet listen": (
        "oet listen --format=log",
        "oet listen --topics=procedure,user --output=json",
    ),
    "oet wait_for_qa_ready": (
        "oet wait_for_qa_ready disable",
        "oet wait_for_qa_ready override",
    ),
    "oet drain": ('oet drain --reason="upgrade at noon"',),
    "oet resume": ("oet resume",),
    "oet status": (
        "oet status",
        "oet status --all=1,2,5-8 --watch",
    ),
    "oet login": (
        "oet login",
        "oet login --device",
    ),
    "oet logout": ("oet logout",),
    "oet whoami": ("oet whoami",),
    "oet audit": (
        "oet audit --since=12h",
        "oet audit --user=alice --refused",
    ),
    "oet completion": ('eval "$(oet completion bash)"',),
}
