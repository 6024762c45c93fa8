# SPDX-License-Identifier: Apache-2.0
"""What befalls a rebuild: it is killed, its log was cut, its topic is made anew, its contract refuses
records. And what is refused before it begins."""

from harness import equal, expect, test, wait
import membership
import model
from rebuilds import Running, check_items, newest


@test(real_kafka=True)
def a_rebuild_goes_on_after_a_kill_and_leaves_nothing_when_aborted(t):
    topic = t.topic("items", partitions=4)
    config = t.config(streams={"items": t.stream(topic)}, kafka={"topic_metadata_refresh_interval_ms": 300})
    t.migrate(config)
    t.produce(topic, [model.item_record(f"item-{n % 3000}", quantity=n) for n in range(20000)])
    t.daemon(config)
    wait(lambda: t.caught_up(topic), "everything to be applied")
    dry = t.must("rebuild", "items", "--dry-run", "--config", config).out
    expect("reads 20,000 offsets of 4 partitions" in dry, "the plan says", dry)
    equal(t.value("select count(*) from pactolus.rebuilds"), 0, "rebuilds after a dry run")
    with Running(t, "rebuild", "items", "--execute", "--rate", 4000, "--config", config) as verb:
        wait(lambda: newest(t) and t.rows("data.items_rebuild_1") > 500, "some rows")
        other = t.pactolus("rebuild", "items", "--execute", "--config", config)
        equal(other.code, 65, f"exit status of a second rebuild: {other}")
        expect("--resume 1" in other.err, "no way out is told:", other.err)
        busy = t.pactolus("rebuild", "--abort", 1, "--config", config)
        equal(busy.code, 75, f"exit status of an abort while it runs: {busy}")
        equal(t.sql("select stream from pactolus.freshness"), [("items",)], "streams that people see")
        expect("/rebuild-" not in t.must("status", "--config", config).out, "status shows the rebuild")
        verb.kill()
    t.add_partitions(topic, 6)
    wait(lambda: t.partitions(topic) == 6 and t.leads(topic), "more partitions")
    t.producers.clear()  # the one that there is knows four
    t.produce(topic, [model.item_record(f"late-{n}", quantity=n, partition=4 + n % 2) for n in range(500)])
    wait(lambda: t.caught_up(topic), "the live stream to read the new partitions")
    done = t.value("select sum(consumed) from pactolus.cursors c join pactolus.rebuilds r on "
                   "r.shadow_id = c.stream_id")
    expect(0 < done < 20000, "it was not killed in the middle:", done)
    t.must("rebuild", "--resume", 1, "--require-equal", "--no-swap", "--config", config)
    t.check_account("items/rebuild-1", consumed=20500, dead_lettered=0)
    equal(t.checksum("data.items_rebuild_1"), t.checksum("data.items"), "the rebuilt table")
    t.must("rebuild", "--abort", 1, "--config", config)
    equal(t.value("select to_regclass('data.items_rebuild_1')"), None, "the table")
    equal(t.value("select count(*) from pactolus.cursors c join pactolus.rebuilds r "
                  "on r.shadow_id = c.stream_id"), 0, "cursors")
    equal(t.pactolus("rebuild", "--swap", 1, "--config", config).code, 65, "exit status of a late swap")
    expect("aborted" in t.must("rebuild", "--list", "--config", config).out, "the list lacks it")
    check_items(t, topic)
    t.check_account("items", consumed=20500, dead_lettered=0)


@test(real_kafka=True)
def a_log_that_was_cut_needs_the_live_rows(t):
    """What Kafka deleted can only be copied; the log wins where it has more."""
    topic = t.topic("items", partitions=2)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    daemon = t.daemon(config)
    t.produce(topic, [model.item_record(f"item-{n}", quantity=n, partition=n % 2) for n in range(12000)])
    wait(lambda: t.caught_up(topic), "everything to be applied")
    for partition in range(2):
        membership.delete_records(t, topic, partition, 4000)
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    equal(refused.code, 65, f"exit status: {refused}")
    expect("no longer reaches the table's first offset: 0 to 3999" in refused.err, "it says", refused.err)
    t.produce(topic, [model.item_record(f"item-{n}", quantity=-n) for n in range(0, 12000, 7)])
    seeded = t.must("rebuild", "items", "--execute", "--seed-from-live", "--require-equal", "--config",
                    config)
    expect("copied 12,000 live rows" in seeded.out, "it says", seeded.out)
    wanted = {f"item-{n}": (-n if n % 7 == 0 else n, "") for n in range(12000)}
    check_items(t, topic, wanted)
    equal(t.checksum("data.items"), t.checksum("data.items_old_1"), "the rebuilt table")
    t.check_account("items", dead_lettered=0)
    expect(daemon.alive(), "the daemon has ended")


@test(real_kafka=True)
def a_topic_made_anew_ends_a_rebuild_that_had_not_read_it(t):
    """Its old rows can only be copied from then on."""
    topic, config, daemon = membership.begin_anew(t)
    t.produce(topic, [model.item_record(f"old-{n}", quantity=n) for n in range(5000)])
    wait(lambda: t.caught_up(topic), "everything to be applied")
    with Running(t, "rebuild", "items", "--execute", "--rate", 500, "--config", config) as verb:
        wait(lambda: newest(t) and t.rows("data.items_rebuild_1") > 100, "some rows")
        membership.recreate(t, topic, 2)
        text = verb.ends(65)
    expect("made anew before its log was read to the end" in text, "it says", text)
    t.must("rebuild", "--abort", 1, "--config", config)
    t.produce(topic, [model.item_record(f"new-{n}", quantity=n) for n in range(1000)])
    wait(lambda: t.caught_up(topic), "the new topic's records")
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    expect(refused.code == 65 and "topics that were made anew" in refused.err,
           "without the old rows:", refused)
    t.must("rebuild", "items", "--execute", "--seed-from-live", "--require-equal", "--config", config)
    equal(t.checksum("data.items"), t.checksum(f"data.items_old_{newest(t)}"), "the rebuilt table")
    t.check_account("items", dead_lettered=0)
    expect(daemon.alive(), "the daemon has ended")


@test(real_kafka=True)
def a_swap_takes_the_dead_letters_over(t):
    """What the rebuild applied is solved; what only the rebuild could not apply is open, and relayed."""
    topic, dlq = t.topic("items", partitions=2), t.topic("items.dlq", partitions=1)
    relayed = {"topic": dlq}
    strict = t.config("strict", streams={"items": t.stream(topic, key={"format": "text"}, dlq=relayed)})
    loose = t.config("loose", streams={"items": t.stream(topic, dlq=relayed)})
    t.migrate(strict)
    daemon = t.daemon(strict)
    records = [model.item_record(f"item-{n}", quantity=n) for n in range(2000)]
    for record in records[::100]:
        record.key = b"another"
    t.produce(topic, records + [model.broken_record()])
    wait(lambda: t.caught_up(topic), "everything to be applied")

    def letters():
        return dict(t.sql("select d.state, count(*) from pactolus.dead_letters d join pactolus.streams s "
                          "using (stream_id) where s.name = 'items' group by 1"))
    equal(letters(), {"open": 21}, "letters")
    equal(daemon.stop(), 0, "exit status")
    t.must("rebuild", "items", "--execute", "--config", loose)
    equal(letters(), {"open": 1, "redriven": 20}, "letters after a rebuild that minds no keys")
    equal(t.rows("data.items"), 2000, "rows")
    t.must("rebuild", "--rollback", 1, "--config", loose)
    equal((letters(), t.rows("data.items")), ({"open": 21}, 1980), "letters and rows after the rollback")
    t.must("rebuild", "items", "--execute", "--config", loose)
    equal((letters(), t.rows("data.items")), ({"open": 1, "redriven": 20}, 2000), "letters and rows")
    t.must("rebuild", "items", "--execute", "--config", strict)
    equal((letters(), t.rows("data.items")), ({"open": 21}, 1980), "letters and rows of a strict rebuild")
    t.run_to_end(strict)
    wait(lambda: not t.value("select count(*) from pactolus.dead_letters where relayed_at is null"),
         "the relay")
    equal(t.value("select count(*) from pactolus.dead_letters d join pactolus.rebuilds r on "
                  "r.shadow_id = d.stream_id"), 0, "letters that rebuilds keep")


@test(real_kafka=True)
def what_would_not_come_along_is_refused(t):
    topic = t.topic("items", partitions=1)
    config = t.config(streams={"items": t.stream(topic)})
    t.migrate(config)
    unread = t.pactolus("rebuild", "items", "--execute", "--config", config)
    expect(unread.code == 65 and "no daemon has read" in unread.err, "an unread stream:", unread)
    t.produce(topic, [model.item_record("one", quantity=1)])
    t.run_to_end(config)
    t.sql("create view public.raw as select * from data.items;"
          "create function public.nothing() returns trigger language plpgsql as 'begin return new; end';"
          "create trigger looks before insert on data.items for each row execute function public.nothing()")
    refused = t.pactolus("rebuild", "items", "--execute", "--config", config)
    equal(refused.code, 65, f"exit status: {refused}")
    for words in ("public.raw is built on the table itself", "trigger looks"):
        expect(words in refused.err, f"it does not tell {words}:", refused.err)
    equal(t.value("select count(*) from pactolus.rebuilds"), 0, "rebuilds")
    for wrong in (["items"], ["items", "--dry-run", "--execute"], ["--swap", "1", "--list"], [],
                  ["nothing", "--execute"]):
        equal(t.pactolus("rebuild", *wrong, "--config", config).code, 64, f"exit status of rebuild {wrong}")
