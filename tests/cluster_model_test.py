#!/usr/bin/env python3
"""The cluster model against cases whose answer is known by hand."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench" / "cluster"))
sys.dont_write_bytecode = True
import model  # noqa: E402  pylint: disable=wrong-import-position

FREE = {"truncation_s": [1.0], "theta_bytes": 1000, "report_bytes": 1000, "reduce_s": 0.0, "update_s": 0.0,
        "links": {"ideal": {"latency_s": 0.0, "bytes_per_s": 1e15}, "slow": {"latency_s": 0.25, "bytes_per_s": 1e15},
                  "narrow": {"latency_s": 0.0, "bytes_per_s": 1e4}}}


def simulate(measured=FREE, **options):
    return model.simulate(measured, **{"link": "ideal", "batch": 8, "cores": 64, "updates": 40, **options})


class ClusterModel(unittest.TestCase):
    def test_without_costs_ranks_multiply(self):
        for mode in ("sync", "async"):
            for ranks in (1, 2, 4, 8):
                result = simulate(num_ranks=ranks, mode=mode)
                self.assertAlmostEqual(result["updates_per_s"], ranks / 8, delta=0.01 * ranks / 8)
                self.assertAlmostEqual(result["efficiency"], 1, delta=0.01)

    def test_ranks_share_cores(self):
        result = simulate(num_ranks=8, cores=2, ranks_per_host=8)
        self.assertAlmostEqual(result["updates_per_s"], 2 / 8, delta=1e-6)
        self.assertAlmostEqual(result["efficiency"], 1, delta=1e-6)

    def test_latency_adds_to_a_synchronous_update_and_to_no_asynchronous_one(self):
        # Down to rank 1, and back.
        result = simulate(num_ranks=2, batch=2, link="slow")
        self.assertAlmostEqual(result["updates_per_s"], 1 / 1.5, delta=1e-6)
        result = simulate(num_ranks=2, batch=2, link="slow", mode="async")
        self.assertAlmostEqual(result["updates_per_s"], 1, delta=0.05)

    def test_a_narrow_link_into_rank_0_is_named(self):
        # 1000 bytes at 10,000 a second: ten reports a second from others, and one of its own.
        result = simulate(num_ranks=65, batch=64, link="narrow", mode="async", ranks_per_host=1, updates=10)
        self.assertAlmostEqual(result["used_per_s"], 11, delta=0.2)
        self.assertEqual(result["bottleneck"], "rank 0's link")
        combined = simulate(num_ranks=65, batch=64, link="narrow", mode="async", ranks_per_host=8, cores=8,
                            combine=8, updates=10)
        self.assertGreater(combined["used_per_s"], 4 * result["used_per_s"])

    def test_a_busy_core_of_rank_0_is_named(self):
        measured = {**FREE, "reduce_s": 0.1}
        result = simulate(measured, num_ranks=64, batch=64, mode="async", updates=10)
        self.assertAlmostEqual(result["used_per_s"], 10, delta=0.5)
        self.assertEqual(result["bottleneck"], "rank 0's core")

    def test_one_slow_rank_holds_up_synchronous_runs_alone(self):
        sync = simulate(num_ranks=4, batch=4, num_slow=1, slow_by=10.0)
        self.assertAlmostEqual(sync["updates_per_s"], 0.1, delta=1e-6)
        self.assertEqual(sync["bottleneck"], "the slowest rank of each update")
        free = simulate(num_ranks=4, batch=4, num_slow=1, slow_by=10.0, mode="async")
        self.assertAlmostEqual(free["truncations_per_s"], 3.1, delta=0.1)
        self.assertGreater(free["staleness_max"], 5)

    def test_staleness_grows_with_ranks_per_batch(self):
        measured = {**FREE, "truncation_s": [0.5, 0.9, 1.3]}
        few = simulate(measured, num_ranks=8, batch=8, mode="async")
        many = simulate(measured, num_ranks=64, batch=8, mode="async")
        self.assertLess(few["staleness_mean"], 2)
        self.assertGreater(many["staleness_mean"], 5)
        self.assertEqual(simulate(num_ranks=8)["staleness_max"], 0)

    def test_the_same_seed_gives_the_same_figures(self):
        measured = {**FREE, "truncation_s": [0.5, 0.9, 1.3]}
        self.assertEqual(simulate(measured, num_ranks=16, mode="async"), simulate(measured, num_ranks=16, mode="async"))
        with self.assertRaises(ValueError):
            simulate(ranks=3)


if __name__ == "__main__":
    unittest.main()
