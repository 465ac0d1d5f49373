/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/keyed_hash.h"

#include <string.h>

#define NAMES 100000

/* Pairs of letters that are alike to GLib's hash: 33 * 'E' + 'z' == 33 * 'F' + 'Y'. */
#define PAIRS 17

/* The paper's appendix A has the one of 15 bytes; all are from the authors' vectors.h. */
static const struct {
    gsize length;
    guint64 hash;
} vectors[] = {
    {0, G_GUINT64_CONSTANT(0x726fdb47dd0e0e31)},  {1, G_GUINT64_CONSTANT(0x74f839c593dc67fd)},
    {2, G_GUINT64_CONSTANT(0x0d6c8009d9a94f5a)},  {3, G_GUINT64_CONSTANT(0x85676696d7fb7e2d)},
    {4, G_GUINT64_CONSTANT(0xcf2794e0277187b7)},  {5, G_GUINT64_CONSTANT(0x18765564cd99a68d)},
    {6, G_GUINT64_CONSTANT(0xcbc9466e58fee3ce)},  {7, G_GUINT64_CONSTANT(0xab0200f58b01d137)},
    {8, G_GUINT64_CONSTANT(0x93f5f5799a932462)},  {9, G_GUINT64_CONSTANT(0x9e0082df0ba9e4b0)},
    {10, G_GUINT64_CONSTANT(0x7a5dbbc594ddb9f3)}, {11, G_GUINT64_CONSTANT(0xf4b32f46226bada7)},
    {12, G_GUINT64_CONSTANT(0x751e8fbc860ee5fb)}, {13, G_GUINT64_CONSTANT(0x14ea5627c0843d90)},
    {14, G_GUINT64_CONSTANT(0xf723ca908e7af2ee)}, {15, G_GUINT64_CONSTANT(0xa129ca6149be45e5)},
};

static void siphash_is_the_authors(void)
{
    guint8 key[SIPHASH_KEY_BYTES];
    /* One byte before them, so that no word is aligned. */
    guint8 data[1 + G_N_ELEMENTS(vectors)];
    for (guint i = 0; i < sizeof key; i++)
        key[i] = (guint8)i;
    for (guint i = 0; i + 1 < sizeof data; i++)
        data[i + 1] = (guint8)i;
    for (guint i = 0; i < G_N_ELEMENTS(vectors); i++)
        g_assert_cmphex(keyed_hash_siphash(key, data + 1, vectors[i].length), ==, vectors[i].hash);
}

static void each_part_of_the_key_counts(void)
{
    guint8 key[SIPHASH_KEY_BYTES] = {0};
    guint64 plain = keyed_hash_siphash(key, "name", 4);
    for (guint i = 0; i < sizeof key; i++) {
        key[i] = 1;
        g_assert_cmphex(keyed_hash_siphash(key, "name", 4), !=, plain);
        key[i] = 0;
    }
}

/* ---- comparisons ---- */

static guint64 comparisons;

static gboolean counted_equal(gconstpointer a, gconstpointer b)
{
    comparisons++;
    return g_str_equal(a, b);
}

static char *colliding_name(guint number)
{
    GString *name = g_string_new(NULL);
    for (guint i = 0; i < PAIRS; i++)
        g_string_append(name, (number >> i) & 1 ? "Ez" : "FY");
    return g_string_free(name, FALSE);
}

static char *random_name(guint number)
{
    return g_strdup_printf("%08x%08x%u", g_test_rand_int(), g_test_rand_int(), number);
}

/* What it takes to put `count` names into a table, and to find each of them, and as many that are
 * not there. */
static guint64 cost_of(GHashFunc hash, char *(*make)(guint number), guint count)
{
    g_autoptr(GHashTable) table = g_hash_table_new_full(hash, counted_equal, g_free, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    comparisons = 0;
    for (guint i = 0; i < count; i++) {
        char *name = make(i);
        g_ptr_array_add(names, name);
        g_hash_table_add(table, name);
    }
    g_assert_cmpuint(g_hash_table_size(table), ==, count);
    for (guint i = 0; i < count; i++) {
        g_assert_true(g_hash_table_contains(table, g_ptr_array_index(names, i)));
        g_autofree char *other = g_strconcat(g_ptr_array_index(names, i), "x", NULL);
        g_assert_false(g_hash_table_contains(table, other));
    }
    return comparisons;
}

static void names_made_to_collide_cost_no_more_than_others(void)
{
    /* They do collide, where the function is known. */
    g_assert_cmpuint(cost_of(g_str_hash, colliding_name, 1000), >, 400 * 1000);
    guint64 ordinary = cost_of(keyed_hash_text, random_name, NAMES);
    guint64 colliding = cost_of(keyed_hash_text, colliding_name, NAMES);
    g_test_message("%" G_GUINT64_FORMAT " comparisons, of others %" G_GUINT64_FORMAT, colliding,
                   ordinary);
    g_assert_cmpuint(ordinary, >=, NAMES);
    g_assert_cmpuint(colliding, <=, 3 * ordinary);
}

/* Numbers that are a multiple of a table's size from each other share a place in it, unless they
 * are hashed. */
static void numbers_are_spread(void)
{
    g_autoptr(GHashTable) low = g_hash_table_new(NULL, NULL);
    for (guint i = 1; i <= 4096; i++)
        g_hash_table_add(low,
                         GUINT_TO_POINTER(keyed_hash_number(GUINT_TO_POINTER(i << 16)) & 0xffff));
    g_assert_cmpuint(g_hash_table_size(low), >, 3500);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keyed_hash/vectors", siphash_is_the_authors);
    g_test_add_func("/keyed_hash/key", each_part_of_the_key_counts);
    g_test_add_func("/keyed_hash/collisions", names_made_to_collide_cost_no_more_than_others);
    g_test_add_func("/keyed_hash/numbers", numbers_are_spread);
    return g_test_run();
}
