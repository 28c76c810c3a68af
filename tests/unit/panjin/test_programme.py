"""The action plan and its continuation: elements, entries, tasks, leadership, sources."""

from collections import Counter
from datetime import date

import pytest

from yunjin.model.declared import Source
from yunjin.model.estate import Estate

DOC = "盘政办发〔2015〕113号"
SECTIONS: dict[str, tuple[int, ...]] = {  # of the document, each with its numbered items
    "主送": (),
    "一(一)": (),
    "一(二)": (1, 2),
    "二(一)": (1, 2),
    "二(二)": (3, 4),
    "二(三)": (5,),
    "二(四)": (6, 7, 8, 9),
    "二(五)": (10,),
    "二(六)": (11,),
    "二(七)": (12, 13, 14, 15, 16, 17, 18),
    "三(一)": (),
    "三(二)": (),
    "三(三)": (),
}
IN_2016 = {  # element: (lead, section)
    "cloud-centre": ("fgw", "二(一)"),
    "integrated-management": ("fgw", "二(二)"),
    "public-service": ("fgw", "二(二)"),
    "emergency-command": ("gaj", "二(三)"),
    "urban-management": ("zfj", "二(四)"),
    "social-management": ("rsj", "二(五)"),
    "tourism": ("lfw", "二(六)"),
    "transport": ("jtj", "二(七)"),
}
BY_2020 = [
    "education",
    "healthcare",
    "food-safety",
    "work-safety",
    "port",
    "agriculture",
    "water",
    "environment",
    "one-card",
]
SUBSYSTEMS = {  # how many the plan names in each element
    "integrated-management": 5,
    "public-service": 9,
    "emergency-command": 9,
    "urban-management": 4,
    "social-management": 3,
    "tourism": 4,
    "transport": 8,
}
TASKS = [f"T{number:02}" for number in range(1, 19)]
FUNCTIONS = {
    "T01": "hw-enrol hw-pool quota capacity-plan gap-buy site-facilities service-catalogue",
    "T02": "data-catalogue share-request data-service grid-cell",
    "T03": "intake dispatch oa mobile-oa kpi leader-view",
    "T04": "hall portal app-api social-channel station ecommerce recycle secondhand gov-info-open",
    "T05": "video-hub mobile-video early-warning plan-lib command video-conf decision resource-guarantee "
    "assessment city-ops-view auto-alarm",
    "T06": "tenant-per-area tenant-per-line",
    "T07": "law-enforcement sanitation landscaping municipal-works",
    "T08": "supervise evaluate",
    "T09": "sla-24x7",
    "T10": "grid-social community-home hrss-mobile auto-classify",
    "T11": "tour-stat tour-emergency tour-industry tour-support visitor-service",
    "T12": "trans-supervise",
    "T13": "smart-bus",
    "T14": "smart-taxi",
    "T15": "hazmat-vehicle",
    "T16": "trans-hotline",
    "T17": "trip-service",
    "T18": "road-bridge",
}


def stands(source: Source) -> bool:
    """Whether the plan has such a section and, where one is named, such an item in it."""
    items = SECTIONS.get(source.section)
    return source.doc == DOC and items is not None and (not source.item or int(source.item) in items)


def test_seventeen_elements(panjin: Estate) -> None:
    kinds = Counter(element.kind for element in panjin.elements.values())
    assert kinds == {"centre": 1, "system": 2, "platform": 14}
    assert list(panjin.elements) == [*IN_2016, *BY_2020]


def test_eight_are_due_in_2016_and_have_a_lead(panjin: Estate) -> None:
    due = {e.id: (e.lead, e.source.section) for e in panjin.elements.values() if e.horizon == "2016"}
    assert due == IN_2016


def test_subsystems_the_plan_names(panjin: Estate) -> None:
    assert {e.id: len(e.subsystems) for e in panjin.elements.values() if e.subsystems} == SUBSYSTEMS


def test_the_plan_itself(panjin: Estate) -> None:
    plan = panjin.programmes["2016"]
    assert (plan.doc_no, plan.status, plan.demo) == (DOC, "repealed", False)
    assert (plan.signed, plan.published) == (date(2015, 11, 10), date(2015, 11, 23))


def test_leadership_is_posts_and_fifteen_bureaus_with_the_areas(panjin: Estate) -> None:
    group = panjin.programmes["2016"].leadership
    assert group is not None
    posts = [post.zh for post in (group.head, *group.deputies)]
    assert posts == ["副市长", "市政府副秘书长", "市综合执法局局长"]
    assert list(group.members) == [b.id for b in panjin.bureaus.values() if b.origin == "seed"][:15]
    assert group.areas == ("AREAS",)
    assert stands(group.source)


def test_eighteen_tasks_due_at_the_end_of_2016(panjin: Estate) -> None:
    tasks = panjin.tasks("2016")
    assert [task.id for task in tasks] == TASKS
    assert {task.due for task in tasks} == {date(2016, 12, 31)}


def test_the_demonstration_carries_the_same_tasks_to_the_end_of_2026(panjin: Estate) -> None:
    demo = panjin.programmes["demo"]
    assert (demo.demo, demo.follows, demo.status) == (True, "2016", "draft")
    assert "演示" in demo.zh
    tasks = panjin.tasks("demo")
    assert {task.due for task in tasks} == {date(2026, 12, 31)}
    dated_back = [task.model_copy(update={"due": date(2016, 12, 31)}) for task in tasks]
    assert dated_back == list(panjin.tasks("2016"))


def test_functions_of_every_task(panjin: Estate) -> None:
    found = {task.id: " ".join(function.id for function in task.functions) for task in panjin.tasks("2016")}
    assert found == FUNCTIONS


def test_functions_name_subsystems_of_their_own_element(panjin: Estate) -> None:
    for task in panjin.tasks("2016"):
        own = {subsystem.id for subsystem in panjin.elements[task.element].subsystems}
        assert {f.subsystem for f in task.functions if f.subsystem} <= own, task.id


def test_every_task_says_when_it_is_done(panjin: Estate) -> None:
    assert all(task.acceptance for task in panjin.tasks("2016"))


@pytest.mark.parametrize("number", range(1, 19))
def test_task_points_at_its_own_sentence_in_its_elements_section(panjin: Estate, number: int) -> None:
    task = panjin.tasks("2016")[number - 1]
    assert stands(task.source)
    assert task.source.item == str(number)
    assert task.source.section == panjin.elements[task.element].source.section


def test_all_sources_stand_in_the_document(panjin: Estate) -> None:
    sources = {body.id: body.source for body in panjin.bureaus.values() if body.origin == "seed"}
    sources |= {area.id: area.source for area in panjin.areas.values()}
    sources |= {element.id: element.source for element in panjin.elements.values()}
    sources |= {dataset.id: dataset.source for dataset in panjin.datasets.values()}
    assert len(sources) == 18 + 6 + 17 + 20
    assert [item for item, source in sources.items() if source is None or not stands(source)] == []
