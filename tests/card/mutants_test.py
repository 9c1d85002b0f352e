#!/usr/bin/env python3
"""Which mutants mutants.py makes of a recipe, and which files it compiles for one."""
import os, sys, tempfile, types, unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mutants


class MutantsTest(unittest.TestCase):
    def test_a_constant_is_another_one(self):
        self.assertEqual(list(mutants.mutants("return 0;")), [("0 -> 1", "return 1;")])

    def test_names_and_placeholders_are_no_constants(self):
        self.assertEqual(list(mutants.mutants("$1->map0 = u8;")), [])

    def test_arguments_that_follow_each_other_are_swapped(self):
        self.assertIn(("f(): arguments 1 and 2 swapped", "x = f(g(c, d), a);"),
                      list(mutants.mutants("x = f(a, g(c, d));")))
        self.assertIn(("arguments 2 and 3 swapped", "$1, f($2, $3), $3"), list(mutants.mutants("$1, $3, f($2, $3)")))

    def test_a_call_is_left_out(self):
        self.assertIn(("f() left out", ";\nreturn 0;"), list(mutants.mutants("f($1);\nreturn 0;")))
        self.assertIn(("f() left out", "x = 0;"), list(mutants.mutants("x = f();")))
        self.assertEqual(list(mutants.mutants("if ($1)")), [])

    def test_each_replacement_of_a_recipe_is_changed_once(self):
        recipe = {"id": "x", "transforms": [
            {"first-of": [{"replace": {"find": "f(1)", "with": "g(1)"}}, [{"rename-token": {"from": "a", "to": "b"}}]]},
            {"rename-call": {"from": "f", "to": "g", "arguments": "$1, 0"}}]}
        self.assertEqual([(name, changed["transforms"][0]["first-of"][0]["replace"]["with"],
                           changed["transforms"][1]["rename-call"]["arguments"])
                          for name, changed in mutants.mutated(recipe)],
                         [("1 -> 2", "g(2)", "$1, 0"), ("g() left out", "0", "$1, 0"), ("0 -> 1", "g(1)", "$1, 1"),
                          ("arguments 1 and 2 swapped", "g(1)", "0, $1")])

    def test_a_changed_function_of_a_header_is_compiled_where_it_is_named(self):
        with tempfile.TemporaryDirectory() as tree:
            bench = types.SimpleNamespace(tree=tree)
            for name, text in {"a.c": "int a(void) { return set_flags(); }", "b.c": "/* reset_flags() */",
                               "set.mod.c": "set_flags"}.items():
                with open(f"{tree}/{name}", "w") as file:
                    file.write(text)
            header = "static inline int other(void)\n{\n}\nstatic inline int set_flags(void)\n{\n    return 0;\n}\n"
            users = mutants.Bench.users(bench, "x.h", header, header.replace("0", "1"))
            self.assertEqual(users, {"a.c"})
            self.assertEqual(mutants.Bench.users(bench, "b.c", "", "x"), {"b.c"})


if __name__ == "__main__":
    unittest.main()
