/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dialects of IBM's systems: MVS (z/OS) datasets and members, AS/400 (IBM i). */
#include <string.h>

#include "listing_dialects.h"

#define IBM_WORDS_MAX    16
#define MVS_MEMBER_MAX   8  /* letters of a member's name */
#define MVS_DATASET_MAX  44 /* of a dataset's, without quotes */
#define AS400_TYPE_WIDTH 11 /* "*STMF      " */

/* What is here can be read; writing records is beyond a file system. */
static void mvs_read_only(RemoteEntry *entry, RemoteType type)
{
    entry->type = type;
    entry->mode = type == REMOTE_TYPE_DIR ? 0555 : 0444;
    entry->perm = type == REMOTE_TYPE_DIR ? REMOTE_PERM_LIST | REMOTE_PERM_ENTER : REMOTE_PERM_READ;
    entry->has |= REMOTE_HAS_MODE | REMOTE_HAS_PERM;
}

static gboolean mvs_is_name(ListingText word, gsize max)
{
    if (word.length == 0 || word.length > max)
        return FALSE;
    for (gsize i = 0; i < word.length; i++) {
        char c = word.at[i];
        gboolean fits = g_ascii_isalnum(c) || c == '@' || c == '#' || c == '$';
        gboolean dataset = max > MVS_MEMBER_MAX &&
                           (c == '.' || c == '-' || c == '_' || c == '(' || c == ')' || c == '+');
        if (!fits && !dataset)
            return FALSE;
    }
    return TRUE;
}

/* The dataset's name, without the quotes that an absolute one has. */
static ListingText mvs_dataset_name(ListingText word)
{
    if (word.length > 2 && word.at[0] == '\'' && word.at[word.length - 1] == '\'')
        return (ListingText){word.at + 1, word.length - 2};
    return word;
}

/* The type by a dataset's organization. */
static gboolean mvs_organization(ListingText word, RemoteType *type)
{
    static const struct {
        const char *word;
        RemoteType type;
    } known[] = {
        {"PO", REMOTE_TYPE_DIR},     {"PO-E", REMOTE_TYPE_DIR},      {"POU", REMOTE_TYPE_DIR},
        {"PS", REMOTE_TYPE_FILE},    {"PS-E", REMOTE_TYPE_FILE},     {"PS-L", REMOTE_TYPE_FILE},
        {"PSU", REMOTE_TYPE_FILE},   {"DA", REMOTE_TYPE_FILE},       {"VS", REMOTE_TYPE_OTHER},
        {"VSAM", REMOTE_TYPE_OTHER}, {"IS", REMOTE_TYPE_OTHER},      {"NONE", REMOTE_TYPE_FILE},
        {"HFS", REMOTE_TYPE_OTHER},  {"**NONE**", REMOTE_TYPE_FILE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
        if (!listing_text_is(word, known[i].word))
            continue;
        *type = known[i].type;
        return TRUE;
    }
    return FALSE;
}

/* Datasets without attributes: "Migrated NAME", "ARCIVE Not Direct Access Device NAME",
 * "V43525 Tape NAME", "Pseudo Directory NAME", "GDG NAME", "Error determining attributes NAME". */
static gboolean mvs_bare(const ListingText *words, gsize count, RemoteType *type)
{
    *type = REMOTE_TYPE_FILE;
    if (count == 2 && listing_text_is(words[0], "Migrated"))
        return TRUE;
    if (count == 3 && listing_text_is(words[1], "Tape"))
        return TRUE;
    if (count == 6 && listing_text_is(words[1], "Not") && listing_text_is(words[4], "Device"))
        return TRUE;
    *type = REMOTE_TYPE_DIR;
    if (count == 3 && listing_text_is(words[0], "Pseudo") && listing_text_is(words[1], "Directory"))
        return TRUE;
    *type = REMOTE_TYPE_OTHER;
    if (count == 2 && listing_text_is(words[0], "GDG"))
        return TRUE;
    return count == 4 && listing_text_is(words[0], "Error") &&
           listing_text_is(words[1], "determining");
}

/*
 *   Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname
 *   WYOSPT 3420   2003/05/21  1  200  FB      80  8053  PS  MVS.FILE
 *   WPTA01 3290   **NONE**    1    3  FB      80  3125  PO  MVS.DATASET
 *   TSO004 3390   VSAM MVS.CLUSTER
 *
 * "Used" counts tracks and "Referred" is the day of the last access, the best there is.
 */
static ListingLine mvs_dataset(ListingState *state, const ListingText *words, gsize count,
                               ListingRow *row)
{
    RemoteType type;
    if (count < 2)
        return LISTING_LINE_UNKNOWN;
    ListingText name = mvs_dataset_name(words[count - 1]);
    if (!mvs_is_name(name, MVS_DATASET_MAX))
        return LISTING_LINE_UNKNOWN;
    row->name = name;
    if (mvs_bare(words, count, &type)) {
        mvs_read_only(row->entry, type);
        return LISTING_LINE_ENTRY;
    }
    if (count < 4 || count > 11 || words[0].length > 6 || words[1].length != 4 ||
        !mvs_organization(words[count - 2], &type))
        return LISTING_LINE_UNKNOWN;
    mvs_read_only(row->entry, type);
    if (count == 4)
        return LISTING_LINE_ENTRY;
    ListingDate date = {0};
    if (count < 8)
        return LISTING_LINE_UNKNOWN;
    if (listing_parse_numeric_date(words[2], &date))
        listing_date_apply(&date, state, row->entry);
    else if (!listing_text_is(words[2], "**NONE**"))
        return LISTING_LINE_UNKNOWN;
    return LISTING_LINE_ENTRY;
}

/*
 *    Name     VV.MM   Created       Changed      Size  Init   Mod   Id
 *   ALIASDEF  01.03 2002/07/08 2024/05/02 10:11    12    12     0 USERID
 *   BARE
 *
 * and for load modules "Name      Size     TTR   Alias-of AC --------- Attributes ---------". Sizes
 * are records.
 */
static ListingLine mvs_member(ListingState *state, const ListingText *words, gsize count,
                              ListingRow *row)
{
    if (count == 0 || !mvs_is_name(words[0], MVS_MEMBER_MAX))
        return LISTING_LINE_UNKNOWN;
    row->name = words[0];
    mvs_read_only(row->entry, REMOTE_TYPE_FILE);
    if (count == 1)
        return LISTING_LINE_ENTRY;
    ListingDate date = {0};
    gboolean statistics = count >= 5 && words[1].length == 5 && words[1].at[2] == '.';
    if (statistics && listing_parse_numeric_date(words[3], &date) &&
        listing_parse_clock(words[4], &date))
        return listing_date_apply(&date, state, row->entry) ? LISTING_LINE_ENTRY
                                                            : LISTING_LINE_UNKNOWN;
    gboolean module = count >= 3 && words[1].length >= 6 && g_ascii_isxdigit(words[1].at[0]) &&
                      g_ascii_isxdigit(words[2].at[0]);
    return module ? LISTING_LINE_ENTRY : LISTING_LINE_UNKNOWN;
}

ListingLine listing_mvs_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText words[IBM_WORDS_MAX];
    gsize count = listing_split(line, words, IBM_WORDS_MAX);
    if (count > 4 && listing_text_is(words[0], "Volume") && listing_text_is(words[1], "Unit")) {
        state->members = FALSE;
        return LISTING_LINE_HEADER;
    }
    gboolean named = count > 2 && listing_text_is(words[0], "Name");
    if (named && (listing_text_is(words[1], "VV.MM") || listing_text_is(words[2], "TTR"))) {
        state->members = TRUE;
        return LISTING_LINE_HEADER;
    }
    if (state->members)
        return mvs_member(state, words, count, row);
    return mvs_dataset(state, words, count, row);
}

/* The type of an AS/400 object. A *FILE is a directory of members. */
static gboolean as400_type(ListingText word, RemoteType *type)
{
    static const char *const directories[] = {"*DIR", "*DDIR", "*FLR", "*LIB", "*FILE"};
    static const char *const files[] = {"*STMF", "*DSTMF", "*DOC", "*MEM", "*MBR", "*SAVF"};
    if (word.length < 3 || word.at[0] != '*' || !g_ascii_isupper(word.at[1]))
        return FALSE;
    *type = listing_text_is(word, "*SYMLNK") ? REMOTE_TYPE_SYMLINK : REMOTE_TYPE_OTHER;
    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++) {
        if (listing_text_is(word, directories[i]))
            *type = REMOTE_TYPE_DIR;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        if (listing_text_is(word, files[i]))
            *type = REMOTE_TYPE_FILE;
    }
    return TRUE;
}

/*
 *   QSYS            77824 02/23/00 15:09:55 *DIR       QOpenSys/
 *   CFT             45056 04/12/04 14:19:31 *FILE      AFTFRE1.FILE
 *   CFT                                     *MEM       AFTFRE1.FILE/AFTFRE1.MBR
 *
 * The members that are listed together with their file are skipped: they are found in it.
 */
ListingLine listing_as400_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText words[5];
    gsize count = listing_split(line, words, G_N_ELEMENTS(words));
    gboolean bare = count >= 2 && as400_type(words[1], &row->entry->type);
    if (!bare && (count < 5 || !as400_type(words[4], &row->entry->type)))
        return LISTING_LINE_UNKNOWN;
    ListingDate date = {0};
    guint64 size;
    if (!bare) {
        if (!listing_text_number(words[1], &size) || !listing_parse_numeric_date(words[2], &date) ||
            !listing_parse_clock(words[3], &date) || !listing_date_apply(&date, state, row->entry))
            return LISTING_LINE_UNKNOWN;
        if (row->entry->type == REMOTE_TYPE_FILE)
            listing_set_size(row->entry, size);
    }
    row->owner = words[0];
    row->name = listing_after_column(line, words[bare ? 1 : 4], AS400_TYPE_WIDTH);
    if (row->name.length > 1 && row->name.at[row->name.length - 1] == '/') {
        row->name.length--;
        row->entry->type = REMOTE_TYPE_DIR;
    }
    if (row->entry->type == REMOTE_TYPE_FILE && listing_text_find(row->name, '/') != NULL)
        return LISTING_LINE_SKIP;
    return LISTING_LINE_ENTRY;
}
