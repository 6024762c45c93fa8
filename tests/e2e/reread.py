# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: streams come, change and go while the daemon runs, and a configuration that is not sound
changes nothing."""

import signal

from harness import equal, expect, test, wait
import model
from semantics import tombstone
from together import Flow
from unit import watched

SOUND = "going on with the configuration as it is now"
KEPT = "the daemon goes on with the configuration that it has"


def reload(daemon, word, times=1):
    daemon.signal(signal.SIGHUP)
    wait(lambda: daemon.text().count(word) == times, f"'{word}' for the {times}. time")


def stream(t, topic, name, **settings):
    return t.stream(topic, key={"format": "text"}, table={"name": name, "view": name}, **settings)


@test
def streams_come_change_and_go_while_the_daemon_runs(t):
    """One stays under load and loses nothing, one gets another table, one goes, one comes."""
    topics = {name: t.topic(name, partitions=2) for name in ("stays", "changes", "goes", "comes")}

    def configure(**streams):
        return t.config(streams=streams)

    old = {name: stream(t, topics[name], name) for name in ("stays", "changes", "goes")}
    config = configure(**old)
    t.migrate(config)
    with Flow(t, topics["stays"]):
        daemon = t.daemon(config)
        for topic in topics.values():
            if topic != topics["stays"]:
                t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(40)])
        wait(lambda: t.rows("data.changes") == 40 and t.rows("data.goes") == 40, "the first records")
        new = {"stays": old["stays"], "comes": stream(t, topics["comes"], "comes"),
               "changes": stream(t, topics["changes"], "changes", deletes="hard", batch={"rows": 7})}
        configure(**new)
        t.migrate(config)
        reload(daemon, SOUND)
        for name in ("changes", "goes"):
            t.produce(topics[name], [model.item_record("later", quantity=1),
                                     tombstone("i3")])
        wait(lambda: t.rows("data.comes") == 40, "the stream that came")
        # A hard delete leaves no cell: the change is in force.
        wait(lambda: t.sql("select quantity from data.changes where item_id = 'i3' and _deleted_at is not null")
             == [(None,)], "the changed stream")
    for name in ("stays", "comes", "changes"):
        wait(lambda topic=topics[name]: t.caught_up(topic), f"all of {name}")
        t.check_account(stream=name, dead_lettered=0)
    equal(t.value("select count(*) from data.goes where item_id = 'later'"), 0, "records of the stream that went")
    messages = t.consume(topics["stays"])
    equal({k: (q, n) for k, q, n in t.sql("select item_id, quantity, note from data.stays")},
          model.items(messages), "rows of the stream that stayed")
    expect(daemon.alive(), "the daemon ended")


@test
def a_configuration_that_is_not_sound_changes_nothing(t):
    topic = t.topic(partitions=1)
    config = t.config(streams={"items": stream(t, topic, "items")})
    t.migrate(config)
    daemon = t.daemon(config)
    wait(lambda: t.value("select count(*) from pactolus.cursors") == 1, "the claim")
    with open(config, encoding="utf-8") as file:
        sound = file.read()

    def write(text):
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)

    def unsound(text, word, times):
        write(text)
        reload(daemon, KEPT, times)
        expect(word in daemon.text(), f"the log does not say '{word}':", daemon.text())
        t.produce(topic, [model.item_record(f"i{times}", quantity=1)])
        wait(lambda: t.rows("data.items") == times, "the record, by the old configuration")

    unsound(sound + "}", "syntax error", 1)
    unsound(sound + '\nspeed = "high";\n', "speed", 2)
    unsound(sound.replace(f'group = "{t.group}"', 'group = "another"'), "the group is", 3)
    # A stream that migrate has not seen; nobody is halted for it.
    t.config(streams={"items": stream(t, topic, "items"), "new": stream(t, t.topic("new"), "new")})
    with open(config, encoding="utf-8") as file:
        unsound(file.read(), "create table data.new", 4)
    equal(t.sql("select name, state from pactolus.streams"), [("items", "running")], "states")
    write(sound)
    reload(daemon, SOUND)
    t.produce(topic, [model.item_record("i5", quantity=1)])
    wait(lambda: t.rows("data.items") == 5, "the record")
    equal(daemon.stop(), 0, "exit status")
    t.check_account(consumed=5)


@test
def signals_come_in_any_order(t):
    """Many SIGHUPs at once end in the last configuration, and SIGTERM ends the daemon in the middle."""
    topic = t.topic(partitions=2)
    config = t.config(streams={"items": stream(t, topic, "items")})
    t.migrate(config)
    manager, daemon = watched(t, config)
    wait(lambda: t.value("select count(*) from pactolus.cursors") == 2, "the claim")
    for _ in range(5):
        daemon.signal(signal.SIGHUP)
    wait(lambda: SOUND in daemon.text(), "a reload")
    t.produce(topic, [model.item_record(f"i{n}", quantity=n) for n in range(40)])
    wait(lambda: t.rows("data.items") == 40, "the records")
    before = manager.catch_up()
    daemon.signal(signal.SIGHUP)
    manager.await_text("^RELOADING=1$", before)
    daemon.signal(signal.SIGTERM)  # within the reload
    equal(daemon.finish(), 0, "exit status")
    t.check_account(consumed=40)
