/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/listing/listing.h"

#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"

/* 2024-06-15 12:00:00 UTC */
#define NOW G_GINT64_CONSTANT(1718452800)

/* The parse of a whole listing: its names, and the outcome. */
typedef struct {
    GPtrArray *names; /* char * */
    guint stop_after; /* entries after which the callback refuses; 0: never */
    RemoteEntry *last;
    GError *error;
    guint dropped;
    ListingDialect dialect;
} Parsed;

static void parsed_free(Parsed *parsed)
{
    g_ptr_array_unref(parsed->names);
    entry_free(parsed->last);
    g_clear_error(&parsed->error);
    g_free(parsed);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parsed, parsed_free)

static void copy_entry(RemoteEntry *to, const RemoteEntry *from)
{
    RemoteEntry strings = *to;
    *to = *from;
    to->name = g_string_assign(strings.name, from->name->str);
    to->owner = g_string_assign(strings.owner, from->owner->str);
    to->group = g_string_assign(strings.group, from->group->str);
    to->target = g_string_assign(strings.target, from->target->str);
    to->unique = g_string_assign(strings.unique, from->unique->str);
}

static gboolean collect(const RemoteEntry *entry, gpointer data, GError **error)
{
    Parsed *parsed = data;
    g_ptr_array_add(parsed->names, g_strdup(entry->name->str));
    copy_entry(parsed->last, entry);
    if (parsed->names->len != parsed->stop_after)
        return TRUE;
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "enough");
    return FALSE;
}

static Parsed *parse_with(ListingKind kind, const ListingContext *context, const char *text,
                          gsize length, gsize piece, guint stop_after)
{
    Parsed *parsed = g_new0(Parsed, 1);
    parsed->names = g_ptr_array_new_with_free_func(g_free);
    parsed->stop_after = stop_after;
    parsed->last = entry_new();
    g_autoptr(ListingParser) parser = listing_parser_new(kind, context, collect, parsed);
    gboolean ok = TRUE;
    for (gsize at = 0; at < length && ok; at += piece)
        ok = listing_parser_feed(parser, text + at, MIN(piece, length - at), &parsed->error);
    if (ok)
        ok = listing_parser_finish(parser, &parsed->error);
    g_assert_cmpint(ok, ==, parsed->error == NULL);
    parsed->dropped = listing_parser_dropped(parser);
    parsed->dialect = listing_parser_dialect(parser);
    return parsed;
}

static Parsed *parse(ListingKind kind, const char *text)
{
    ListingContext context = {.now = NOW, .path = "/some/path"};
    return parse_with(kind, &context, text, strlen(text), 100000, 0);
}

/* The names, joined by '|'. */
static void assert_names(const Parsed *parsed, const char *names)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (guint i = 0; i < parsed->names->len; i++)
        g_ptr_array_add(all, parsed->names->pdata[i]);
    g_ptr_array_add(all, NULL);
    g_autofree char *joined = g_strjoinv("|", (char **)all->pdata);
    g_assert_cmpstr(joined, ==, names);
}

/* The entry of the one line of facts. */
static RemoteEntry *facts(const char *line)
{
    g_autofree char *text = g_strconcat(line, "\r\n", NULL);
    g_autoptr(Parsed) parsed = parse(LISTING_MLSD, text);
    g_assert_no_error(parsed->error);
    g_assert_cmpuint(parsed->names->len, ==, 1);
    return g_steal_pointer(&parsed->last);
}

static void test_facts(void)
{
    g_autoptr(RemoteEntry) entry =
        facts("modify=20240501101112;perm=adfrw;size=1234567890123;type=file;unique=FD03U1A2;"
              "UNIX.group=1001;UNIX.groupname=staff;UNIX.mode=0644;UNIX.owner=1000;"
              "UNIX.ownername=bob; some file.txt");
    g_assert_cmpstr(entry->name->str, ==, "some file.txt");
    g_assert_cmpint(entry->type, ==, REMOTE_TYPE_FILE);
    g_assert_cmphex(entry->has, ==,
                    REMOTE_HAS_SIZE | REMOTE_HAS_MTIME | REMOTE_HAS_MODE | REMOTE_HAS_UID |
                        REMOTE_HAS_GID | REMOTE_HAS_PERM | REMOTE_HAS_UNIQUE);
    g_assert_cmpuint(entry->size, ==, G_GUINT64_CONSTANT(1234567890123));
    g_assert_cmpint(entry->mtime, ==, 1714558272);
    g_assert_cmpint(entry->mtime_ns, ==, 0);
    g_assert_cmpint(entry->time_precision, ==, REMOTE_TIME_SECOND);
    g_assert_cmpuint(entry->mode, ==, 0644);
    g_assert_cmpuint(entry->uid, ==, 1000);
    g_assert_cmpuint(entry->gid, ==, 1001);
    g_assert_cmpstr(entry->owner->str, ==, "bob");
    g_assert_cmpstr(entry->group->str, ==, "staff");
    g_assert_cmpstr(entry->unique->str, ==, "FD03U1A2");
    g_assert_cmphex(entry->perm, ==,
                    REMOTE_PERM_APPEND | REMOTE_PERM_DELETE | REMOTE_PERM_RENAME |
                        REMOTE_PERM_READ | REMOTE_PERM_WRITE);
}

static void test_facts_case(void)
{
    g_autoptr(RemoteEntry) entry =
        facts("MODIFY=19991231235959.125;Perm=ELCMPDF;SIZE=7;Type=DIR;unix.MODE=1777;UNIX.UID=0;"
              "Unix.Gid=4294967294; Name");
    g_assert_cmpstr(entry->name->str, ==, "Name");
    g_assert_cmpint(entry->type, ==, REMOTE_TYPE_DIR);
    g_assert_cmpint(entry->mtime, ==, 946684799);
    g_assert_cmpint(entry->mtime_ns, ==, 125000000);
    g_assert_cmpuint(entry->mode, ==, 01777);
    g_assert_cmpuint(entry->uid, ==, 0);
    g_assert_cmpuint(entry->gid, ==, 4294967294u);
    g_assert_cmpstr(entry->owner->str, ==, "0");
    g_assert_cmphex(entry->has & (REMOTE_HAS_UID | REMOTE_HAS_GID), ==,
                    REMOTE_HAS_UID | REMOTE_HAS_GID);
    g_assert_cmphex(entry->perm, ==,
                    REMOTE_PERM_ENTER | REMOTE_PERM_LIST | REMOTE_PERM_CREATE | REMOTE_PERM_MKDIR |
                        REMOTE_PERM_PURGE | REMOTE_PERM_DELETE | REMOTE_PERM_RENAME);
}

static void test_facts_types(void)
{
    static const struct {
        const char *line;
        RemoteType type;
        const char *target;
    } cases[] = {
        {"type=file; a", REMOTE_TYPE_FILE, ""},
        {"type=dir; a", REMOTE_TYPE_DIR, ""},
        {"type=OS.unix=slink:/usr/bin; a", REMOTE_TYPE_SYMLINK, "/usr/bin"},
        {"type=OS.unix=slink:two words; a", REMOTE_TYPE_SYMLINK, "two words"},
        {"type=OS.unix=slink:; a", REMOTE_TYPE_SYMLINK, ""},
        {"type=OS.unix=slink; a", REMOTE_TYPE_SYMLINK, ""},
        {"type=OS.UNIX=Symlink; a", REMOTE_TYPE_SYMLINK, ""},
        {"type=OS.unix=symlink:../x;size=4; a", REMOTE_TYPE_SYMLINK, "../x"},
        {"type=OS.unix=slink:a\rb\033c; a", REMOTE_TYPE_SYMLINK, "a\rb\033c"},
        {"type=OS.unix=chr-13/29; a", REMOTE_TYPE_OTHER, ""},
        {"type=OS.unix=blk-8/1; a", REMOTE_TYPE_OTHER, ""},
        {"type=OS.unix=fifo; a", REMOTE_TYPE_OTHER, ""},
        {"type=OS.unix=slinky; a", REMOTE_TYPE_OTHER, ""},
        {"type=whatever; a", REMOTE_TYPE_OTHER, ""},
        {"size=3; a", REMOTE_TYPE_FILE, ""},
        {"UNIX.mode=040755; a", REMOTE_TYPE_DIR, ""},
        {"UNIX.mode=0100644; a", REMOTE_TYPE_FILE, ""},
        {"UNIX.mode=0120777; a", REMOTE_TYPE_SYMLINK, ""},
        {"UNIX.mode=010644; a", REMOTE_TYPE_OTHER, ""},
        {"UNIX.mode=040755;type=file; a", REMOTE_TYPE_FILE, ""},
        {"type=dir;UNIX.mode=0755; a", REMOTE_TYPE_DIR, ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(RemoteEntry) entry = facts(cases[i].line);
        g_assert_cmpint(entry->type, ==, cases[i].type);
        g_assert_cmpstr(entry->target->str, ==, cases[i].target);
        g_assert_cmpstr(entry->name->str, ==, "a");
    }
}

/* One more byte than a path can have, by each of the ways in which targets are told. */
static void test_long_targets(void)
{
    for (gsize length = ENTRY_TARGET_MAX; length <= ENTRY_TARGET_MAX + 1; length++) {
        g_autofree char *target = g_strnfill(length, 't');
        gboolean kept = length == ENTRY_TARGET_MAX;
        g_autofree char *fact = g_strdup_printf("type=OS.unix=slink:%s; a", target);
        g_autofree char *reply = g_strdup_printf(" %s", fact);
        g_autofree char *line =
            g_strdup_printf("lrwxrwxrwx 1 u g %zu Jan 1 2024 a -> %s\r\n", length, target);
        g_autoptr(GError) error = NULL;
        ListingContext context = {.now = NOW};
        g_autoptr(RemoteEntry) told = facts(fact);
        g_autoptr(RemoteEntry) asked = entry_new();
        g_assert_true(listing_parse_mlst(reply, &context, asked, &error));
        g_autoptr(Parsed) listed = parse(LISTING_LIST, line);
        RemoteEntry *entries[] = {told, asked, listed->last};
        for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
            g_assert_cmpint(entries[i]->type, ==, REMOTE_TYPE_SYMLINK);
            g_assert_cmpstr(entries[i]->target->str, ==, kept ? target : "");
            g_assert_cmpint(entries[i]->long_target, ==, !kept);
        }
    }
}

static void test_facts_bad_values(void)
{
    g_autoptr(RemoteEntry) entry =
        facts("type=file;size=-1;modify=yesterday;UNIX.mode=rw-;UNIX.uid=x;perm=;unique=; a");
    g_assert_cmphex(entry->has, ==, REMOTE_HAS_PERM);
    g_assert_cmphex(entry->perm, ==, 0);
    g_assert_cmpstr(entry->owner->str, ==, "x");

    g_autoptr(RemoteEntry) large = facts("size=9223372036854775808; a");
    g_assert_cmphex(large->has, ==, 0);
    g_autoptr(RemoteEntry) largest = facts("size=9223372036854775807; a");
    g_assert_cmpuint(largest->size, ==, G_MAXINT64);
    g_autoptr(RemoteEntry) mode = facts("UNIX.mode=99;modify=20240230000000; a");
    g_assert_cmphex(mode->has, ==, 0);
    g_autoptr(RemoteEntry) perm = facts("perm=qrZ1; a");
    g_assert_cmphex(perm->perm, ==, REMOTE_PERM_READ);
}

static void test_facts_sizes(void)
{
    g_autoptr(RemoteEntry) directory = facts("type=dir;sizd=4096; a");
    g_assert_cmpuint(directory->size, ==, 4096);
    g_assert_cmphex(directory->has, ==, REMOTE_HAS_SIZE);
    g_autoptr(RemoteEntry) both = facts("size=5;sizd=4096; a");
    g_assert_cmpuint(both->size, ==, 5);
    g_autoptr(RemoteEntry) reversed = facts("sizd=4096;size=5; a");
    g_assert_cmpuint(reversed->size, ==, 5);
}

static void test_facts_names(void)
{
    static const char *const cases[][2] = {
        {"type=file;  led", " led"},
        {"type=file; trailed ", "trailed "},
        {"type=file;  ", " "},
        {"type=file; a;b=c; d", "a;b=c; d"},
        {"type=file; type=dir; x", "type=dir; x"},
        {"type=file; a -> b", "a -> b"},
        {"type=file; ...", "..."},
        {"type=file; Grüße", "Grüße"},
        {"type=file; gr\xfc", "gr\uF7FC"},
        {"type=file; tab\there", "tab\there"},
        {"type=file; back\\slash", "back\\slash"},
        {"UNIX.groupname=Domain Users;type=file; a", "a"},
        {"type=file;size=3 unterminated", "unterminated"},
        {" type=file; spaced line", "spaced line"},
        {"x.unknown=1;type=file;y=; a", "a"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(RemoteEntry) entry = facts(cases[i][0]);
        g_assert_cmpstr(entry->name->str, ==, cases[i][1]);
        g_assert_cmpint(entry->type, ==, REMOTE_TYPE_FILE);
    }
}

static void test_own_entries(void)
{
    g_autoptr(Parsed) parsed = parse(LISTING_MLSD, "type=cdir; .\r\n"
                                                   "type=pdir; ..\r\n"
                                                   "type=CDIR; /the/whole/path\r\n"
                                                   "type=dir; .\r\n"
                                                   "type=dir; ..\r\n"
                                                   "\r\n"
                                                   "type=file; a\r\n");
    g_assert_no_error(parsed->error);
    assert_names(parsed, "a");
    g_assert_cmpuint(parsed->dropped, ==, 0);
}

static void test_streaming(void)
{
    static const char text[] = "type=dir;size=1; one\r\n"
                               "type=file;size=22; two and a half\n"
                               "\r\n"
                               "type=OS.unix=slink:x; three\r\n"
                               "type=file;size=4444; last";
    ListingContext context = {.now = NOW};
    for (gsize piece = 1; piece <= strlen(text); piece++) {
        g_autoptr(Parsed) parsed = parse_with(LISTING_MLSD, &context, text, strlen(text), piece, 0);
        g_assert_no_error(parsed->error);
        assert_names(parsed, "one|two and a half|three|last");
        g_assert_cmpuint(parsed->last->size, ==, 4444);
        g_assert_cmpstr(parsed->last->target->str, ==, "");
    }
}

static void test_line_ends(void)
{
    g_autoptr(Parsed) parsed = parse(LISTING_MLSD, "type=file; Icon\r\r\ntype=file; a\rb\n");
    g_assert_no_error(parsed->error);
    assert_names(parsed, "Icon\r|a\rb");
}

/* An empty array's data is NULL, to which not even 0 may be added: UBSan tells. */
static void test_nothing(void)
{
    ListingContext context = {.now = NOW, .path = "/some/path"};
    g_autoptr(Parsed) parsed = parse_with(LISTING_LIST, &context, NULL, 0, 1, 0);
    g_assert_no_error(parsed->error);
    g_autoptr(GByteArray) nothing = g_byte_array_new();
    g_autoptr(ListingParser) parser = listing_parser_new(LISTING_LIST, &context, collect, parsed);
    g_assert_true(listing_parser_feed(parser, (const char *)nothing->data, nothing->len, NULL));
    g_assert_true(listing_parser_finish(parser, NULL));
    assert_names(parsed, "");
}

static void test_unsafe_names(void)
{
    static const char text[] = "type=file; ok\r\n"
                               "type=file; \r\n"
                               "type=file; a/b\r\n"
                               "type=file; ../etc/passwd\r\n"
                               "type=file; nul\0byte\r\n"
                               "type=dir; /\r\n"
                               "type=file; fine\r\n";
    ListingContext context = {.now = NOW, .path = "/some/path"};
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*/some/path*5 names*first: \"\"*");
    g_autoptr(Parsed) parsed = parse_with(LISTING_MLSD, &context, text, sizeof(text) - 1, 1000, 0);
    g_test_assert_expected_messages();
    g_assert_no_error(parsed->error);
    assert_names(parsed, "ok|fine");
    g_assert_cmpuint(parsed->dropped, ==, 5);

    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*1 names*first: \"a/b\"*");
    g_autoptr(Parsed) list = parse(LISTING_LIST, "-rw-r--r-- 1 u g 1 May 29 03:26 a/b\r\n"
                                                 "-rw-r--r-- 1 u g 1 May 29 03:26 c\r\n");
    g_test_assert_expected_messages();
    assert_names(list, "c");
}

static void test_long_names(void)
{
    g_autofree char *longest = g_strnfill(ENTRY_NAME_MAX, 'x');
    g_autofree char *text = g_strdup_printf("type=file; %s\ntype=file; %sx\n", longest, longest);
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*1 names*");
    g_autoptr(Parsed) parsed = parse(LISTING_MLSD, text);
    g_test_assert_expected_messages();
    assert_names(parsed, longest);
}

/* Anybody can make a name with a line end; it must not hide the rest. */
static void test_names_with_line_ends(void)
{
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*/some/path*1 lines*first: \"second*");
    g_autoptr(Parsed) parsed = parse(LISTING_LIST, "-rw-r--r-- 1 u g 1 May 29 03:26 first line\n"
                                                   "second line\r\n"
                                                   "-rw-r--r-- 1 u g 1 May 29 03:26 other\r\n");
    g_test_assert_expected_messages();
    g_assert_no_error(parsed->error);
    assert_names(parsed, "first line|other");
    g_assert_cmpuint(parsed->dropped, ==, 1);

    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*1 lines*");
    g_autoptr(Parsed) mlsd = parse(LISTING_MLSD, "type=file; first\nsecond\r\ntype=file; c\r\n");
    g_test_assert_expected_messages();
    assert_names(mlsd, "first|c");
}

static void test_garbage(void)
{
    static const char *const texts[] = {
        "hello\r\n", "<html>\r\n<body>\r\n", "-rw-r--r-- nothing else\r\n", "550 No such file\r\n",
        "a;1\r\n",   "no line end",          "\x16\x03\x01\x02\r\n",        "total\r\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (int kind = LISTING_MLSD; kind <= LISTING_LIST; kind++) {
            g_autoptr(Parsed) parsed = parse((ListingKind)kind, texts[i]);
            g_assert_error(parsed->error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
            g_assert_nonnull(strstr(parsed->error->message, "/some/path"));
            g_assert_cmpuint(parsed->names->len, ==, 0);
        }
    }
    g_autoptr(Parsed) no_facts =
        parse(LISTING_MLSD, " name\r\n=x; name\r\n;; name\r\ntype=file;\r\n");
    g_assert_error(no_facts->error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
}

static void test_much_garbage(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 32; i++)
        g_string_append_printf(text, "garbage %d\r\n", i);
    g_autofree char *enough = g_strconcat(text->str, "one more\r\n", NULL);
    /* Fails while it streams, not only at its end. */
    g_autofree char *valid_later = g_strconcat(enough, "type=file; a\r\n", NULL);
    g_autoptr(Parsed) refused = parse(LISTING_MLSD, valid_later);
    g_assert_error(refused->error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    g_assert_cmpuint(refused->names->len, ==, 0);

    g_string_append(text, "type=file; a\r\n");
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*32 lines*");
    g_autoptr(Parsed) parsed = parse(LISTING_MLSD, text->str);
    g_test_assert_expected_messages();
    g_assert_no_error(parsed->error);
    assert_names(parsed, "a");
}

static void test_ls_messages(void)
{
    static const char entry[] = "-rw-r--r-- 1 u g 1 May 29 03:26 a\r\n";
    g_autofree char *denied = g_strconcat(
        "total 0\r\n", "ls: cannot open directory '.': Permission denied\r\n", entry, NULL);
    g_autoptr(Parsed) refused = parse(LISTING_LIST, denied);
    g_assert_error(refused->error, FTPSFS_ERROR, FTPSFS_ERROR_ACCESS);

    g_autofree char *broken =
        g_strconcat(entry, "ls: reading directory '.': Input/output error\r\n", NULL);
    g_autoptr(Parsed) failed = parse(LISTING_LIST, broken);
    g_assert_error(failed->error, FTPSFS_ERROR, FTPSFS_ERROR_IO);

    g_autofree char *one = g_strconcat("ls: cannot access 'b': Permission denied\r\n", entry, NULL);
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "*lacks an entry*'b'*");
    g_autoptr(Parsed) parsed = parse(LISTING_LIST, one);
    g_test_assert_expected_messages();
    g_assert_no_error(parsed->error);
    assert_names(parsed, "a");
}

static void test_line_limit(void)
{
    g_autofree char *padding = g_strnfill(LISTING_LINE_MAX - strlen("x=;type=file; a"), 'x');
    g_autofree char *good = g_strdup_printf("x=%s;type=file; a\n", padding);
    g_autofree char *bad = g_strdup_printf("x=x%s;type=file; a\n", padding);
    static const gsize pieces[] = {1000, 65536, 1000000};
    ListingContext context = {.now = NOW};
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autoptr(Parsed) parsed =
            parse_with(LISTING_MLSD, &context, good, strlen(good), pieces[i], 0);
        g_assert_no_error(parsed->error);
        assert_names(parsed, "a");
        g_autoptr(Parsed) refused =
            parse_with(LISTING_MLSD, &context, bad, strlen(bad), pieces[i], 0);
        g_assert_error(refused->error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    }
}

static void test_callback_ends(void)
{
    static const char text[] = "type=file; a\r\ntype=file; b\r\ntype=file; c\r\n";
    ListingContext context = {.now = NOW};
    g_autoptr(Parsed) parsed = parse_with(LISTING_MLSD, &context, text, strlen(text), 1000, 2);
    g_assert_error(parsed->error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    assert_names(parsed, "a|b");
}

static void test_codepage(void)
{
    static const char text[] = "type=file;UNIX.ownername=J\xfcrgen; gr\xfc\xdf\r\n"
                               "type=file; \x80uro\r\n"
                               "type=file; \x81\r\n"
                               "type=OS.unix=slink:\xe4/\xf6; \xe9\r\n";
    ListingContext context = {.now = NOW, .codepage = "CP1252"};
    g_autoptr(Parsed) parsed = parse_with(LISTING_MLSD, &context, text, strlen(text), 1000, 0);
    g_assert_no_error(parsed->error);
    assert_names(parsed, "grüß|€uro|\uF781|é");
    g_assert_cmpstr(parsed->last->target->str, ==, "ä/ö");

    static const char list[] = "-rw-r--r-- 1 u g 1 29 M\xe4rz 03:26 \x95\x5c\r\n";
    context.codepage = "SHIFT_JIS";
    g_autoptr(Parsed) japanese = parse_with(LISTING_LIST, &context, list, strlen(list), 1000, 0);
    g_assert_no_error(japanese->error);
    assert_names(japanese, "表");
}

/* Names that aren't UTF-8 come out as something that encoding_to_server turns back. */
static void test_reachable(void)
{
    g_autoptr(RemoteEntry) entry = facts("type=file; a\xff\xc3z");
    g_autoptr(GString) back = g_string_new(NULL);
    g_assert_true(encoding_to_server(entry->name->str, NULL, back, NULL));
    g_assert_cmpstr(back->str, ==, "a\xff\xc3z");
}

static void test_numeric_owners(void)
{
    g_autoptr(Parsed) parsed =
        parse(LISTING_LIST, "-rw-r--r-- 1 1000 4294967294 1 May 29 03:26 a\r\n");
    g_assert_cmphex(parsed->last->has & (REMOTE_HAS_UID | REMOTE_HAS_GID), ==,
                    REMOTE_HAS_UID | REMOTE_HAS_GID);
    g_assert_cmpuint(parsed->last->uid, ==, 1000);
    g_assert_cmpuint(parsed->last->gid, ==, 4294967294u);
    g_assert_cmpstr(parsed->last->owner->str, ==, "1000");
    g_assert_cmpstr(parsed->last->group->str, ==, "4294967294");

    g_autoptr(Parsed) named = parse(LISTING_LIST, "-rw-r--r-- 1 bob 5000000000 1 May 29 03:26 a\n");
    g_assert_cmphex(named->last->has & (REMOTE_HAS_UID | REMOTE_HAS_GID), ==, 0);
    g_assert_cmpstr(named->last->owner->str, ==, "bob");
    g_assert_cmpstr(named->last->group->str, ==, "5000000000");
}

static void test_clear(void)
{
    g_autoptr(RemoteEntry) entry = facts("type=dir;size=5;modify=20240501101112.5;UNIX.uid=7;"
                                         "UNIX.mode=0755;perm=el;unique=u; a");
    GString *name = entry->name;
    entry_clear(entry);
    g_assert_true(entry->name == name);
    g_assert_cmpstr(entry->name->str, ==, "");
    g_assert_cmpstr(entry->owner->str, ==, "");
    g_assert_cmpstr(entry->unique->str, ==, "");
    g_assert_cmphex(entry->has, ==, 0);
    g_assert_cmphex(entry->perm, ==, 0);
    g_assert_cmpint(entry->type, ==, REMOTE_TYPE_FILE);
    g_assert_cmpint(entry->mtime_ns, ==, 0);
}

static void test_many(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 100000; i++)
        g_string_append_printf(
            text,
            "modify=20240501101112;perm=adfrw;size=%d;type=file;unique=FD03U%X;"
            "UNIX.group=1001;UNIX.mode=0644;UNIX.owner=1000; name of file %d\r\n",
            i, (guint)i, i);
    ListingContext context = {.now = NOW};
    g_autoptr(Parsed) parsed = parse_with(LISTING_MLSD, &context, text->str, text->len, 16384, 0);
    g_assert_no_error(parsed->error);
    g_assert_cmpuint(parsed->names->len, ==, 100000);
    g_assert_cmpstr(parsed->names->pdata[99999], ==, "name of file 99999");
    g_assert_cmpuint(parsed->last->size, ==, 99999);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/nothing is no bytes at no place", test_nothing);
    g_test_add_func("/listing/facts fill an entry", test_facts);
    g_test_add_func("/listing/facts are known in any case of letters", test_facts_case);
    g_test_add_func("/listing/facts tell the type", test_facts_types);
    g_test_add_func("/listing/targets that no path can have are not kept", test_long_targets);
    g_test_add_func("/listing/facts with bad values are passed over", test_facts_bad_values);
    g_test_add_func("/listing/facts tell sizes of directories", test_facts_sizes);
    g_test_add_func("/listing/facts end at the name", test_facts_names);
    g_test_add_func("/listing/the directory and its parent are no entries", test_own_entries);
    g_test_add_func("/listing/data may come in any pieces", test_streaming);
    g_test_add_func("/listing/only one CR belongs to a line end", test_line_ends);
    g_test_add_func("/listing/unsafe names are dropped with a warning", test_unsafe_names);
    g_test_add_func("/listing/names too long for the kernel are dropped", test_long_names);
    g_test_add_func("/listing/a name with a line end does no harm", test_names_with_line_ends);
    g_test_add_func("/listing/nothing but garbage is an error", test_garbage);
    g_test_add_func("/listing/too much garbage is an error", test_much_garbage);
    g_test_add_func("/listing/messages of ls are no entries", test_ls_messages);
    g_test_add_func("/listing/a line has a maximal length", test_line_limit);
    g_test_add_func("/listing/the callback can end the parse", test_callback_ends);
    g_test_add_func("/listing/names come from the server's code page", test_codepage);
    g_test_add_func("/listing/names that are not UTF-8 stay reachable", test_reachable);
    g_test_add_func("/listing/numeric owners are ids", test_numeric_owners);
    g_test_add_func("/listing/an entry can be used again", test_clear);
    g_test_add_func("/listing/a listing may be long", test_many);
    return g_test_run();
}
