/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MLSD and MLST: RFC 3659 section 7. */
#include <string.h>

#include "listing_dialects.h"

#define FACT_TIME_MAX 40 /* bytes of a modify fact that make sense */

/* What the facts of a line say that can be judged only when all have been seen. */
typedef struct {
    gboolean typed;
    gboolean sized; /* by "size", which counts more than "sizd" */
    gboolean owner_named, group_named;
} FactsSeen;

static RemoteType facts_type_of_mode(guint64 mode)
{
    switch (mode & 0170000) {
    case 0040000:
        return REMOTE_TYPE_DIR;
    case 0120000:
        return REMOTE_TYPE_SYMLINK;
    case 0:
    case 0100000:
        return REMOTE_TYPE_FILE;
    default:
        return REMOTE_TYPE_OTHER;
    }
}

static void facts_type(ListingText value, ListingRow *row)
{
    static const char *const links[] = {"OS.unix=slink", "OS.unix=symlink", "OS.unix=link"};
    row->entry->type = REMOTE_TYPE_OTHER;
    if (listing_text_is(value, "file")) {
        row->entry->type = REMOTE_TYPE_FILE;
    } else if (listing_text_is(value, "dir")) {
        row->entry->type = REMOTE_TYPE_DIR;
    } else if (listing_text_is(value, "cdir") || listing_text_is(value, "pdir")) {
        row->entry->type = REMOTE_TYPE_DIR;
        row->own = TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
        gsize length = strlen(links[i]);
        if (!listing_text_begins(value, links[i]))
            continue;
        if (value.length > length && value.at[length] != ':')
            continue;
        row->entry->type = REMOTE_TYPE_SYMLINK;
        if (value.length > length)
            row->target = listing_text_from(value, length + 1);
    }
}

static void facts_size(ListingText value, RemoteEntry *entry)
{
    guint64 size;
    if (listing_text_number(value, &size))
        listing_set_size(entry, size);
}

static void facts_modify(ListingText value, RemoteEntry *entry)
{
    char text[FACT_TIME_MAX + 1];
    if (value.length > FACT_TIME_MAX)
        return;
    memcpy(text, value.at, value.length);
    text[value.length] = '\0';
    if (!listing_parse_time(text, &entry->mtime, &entry->mtime_ns))
        return;
    entry->time_precision = REMOTE_TIME_SECOND;
    entry->has |= REMOTE_HAS_MTIME;
}

static void facts_mode(ListingText value, ListingRow *row, const FactsSeen *seen)
{
    guint64 mode = 0;
    /* pyftpdlib writes octal as Python does: "0o644". */
    if (value.length > 2 && value.at[0] == '0' && value.at[1] == 'o') {
        value.at += 2;
        value.length -= 2;
    }
    if (value.length == 0 || value.length > 8)
        return;
    for (gsize i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '7')
            return;
        mode = mode * 8 + (guint64)(value.at[i] - '0');
    }
    row->entry->mode = (guint32)(mode & 07777);
    row->entry->has |= REMOTE_HAS_MODE;
    if (!seen->typed)
        row->entry->type = facts_type_of_mode(mode);
}

static void facts_perm(ListingText value, RemoteEntry *entry)
{
    static const char letters[] = "acdeflmprw"; /* in the order of RemotePerm's bits */
    entry->has |= REMOTE_HAS_PERM;
    for (gsize i = 0; i < value.length; i++) {
        const char *found = memchr(letters, g_ascii_tolower(value.at[i]), sizeof(letters) - 1);
        if (found != NULL)
            entry->perm |= 1u << (found - letters);
    }
}

/* A number or a name of an owner or a group; a name counts more than a number as the text. */
static void facts_owner(ListingText value, RemoteHas has, guint32 *id, ListingText *text,
                        gboolean *named, RemoteEntry *entry)
{
    guint64 number;
    gboolean numeric = listing_text_number(value, &number) && number < G_MAXUINT32;
    if (numeric && (entry->has & has) == 0) {
        *id = (guint32)number;
        entry->has |= has;
    }
    if (value.length == 0 || (numeric && *named))
        return;
    *named = *named || !numeric;
    *text = value;
}

static void facts_one(ListingText key, ListingText value, ListingRow *row, FactsSeen *seen)
{
    RemoteEntry *entry = row->entry;
    if (listing_text_is(key, "type")) {
        facts_type(value, row);
        seen->typed = TRUE;
    } else if (listing_text_is(key, "size")) {
        facts_size(value, entry);
        seen->sized = TRUE;
    } else if (listing_text_is(key, "sizd")) {
        if (!seen->sized)
            facts_size(value, entry);
    } else if (listing_text_is(key, "modify")) {
        facts_modify(value, entry);
    } else if (listing_text_is(key, "UNIX.mode")) {
        facts_mode(value, row, seen);
    } else if (listing_text_is(key, "perm")) {
        facts_perm(value, entry);
    } else if (listing_text_is(key, "unique")) {
        row->unique = value;
        if (value.length > 0)
            entry->has |= REMOTE_HAS_UNIQUE;
    } else if (listing_text_is(key, "UNIX.uid") || listing_text_is(key, "UNIX.owner") ||
               listing_text_is(key, "UNIX.ownername")) {
        facts_owner(value, REMOTE_HAS_UID, &entry->uid, &row->owner, &seen->owner_named, entry);
    } else if (listing_text_is(key, "UNIX.gid") || listing_text_is(key, "UNIX.group") ||
               listing_text_is(key, "UNIX.groupname")) {
        facts_owner(value, REMOTE_HAS_GID, &entry->gid, &row->group, &seen->group_named, entry);
    }
}

/* Cuts one "key=value;" from `rest`. FALSE when it doesn't begin with one. */
static gboolean facts_cut(ListingText *rest, ListingText *key, ListingText *value)
{
    gsize equals = 0;
    while (equals < rest->length && rest->at[equals] != '=') {
        if (rest->at[equals] == ' ' || rest->at[equals] == ';')
            return FALSE;
        equals++;
    }
    if (equals == 0 || equals == rest->length)
        return FALSE;
    *key = (ListingText){rest->at, equals};
    ListingText after = listing_text_from(*rest, equals + 1);
    /* The ';' at the end is mandatory, but some servers leave out the last one. */
    const char *end = listing_text_find(after, ';');
    gboolean terminated = end != NULL;
    if (!terminated)
        end = listing_text_find(after, ' ');
    if (end == NULL)
        return FALSE;
    *value = (ListingText){after.at, (gsize)(end - after.at)};
    *rest = listing_text_from(after, value->length + (terminated ? 1 : 0));
    return TRUE;
}

gboolean listing_facts_line(ListingText line, ListingRow *row)
{
    FactsSeen seen = {0};
    ListingText key, value;
    if (line.length > 0 && line.at[0] == ' ') /* MLST's lines begin with a space, section 7.2 */
        line = listing_text_from(line, 1);
    if (!facts_cut(&line, &key, &value))
        return FALSE;
    facts_one(key, value, row, &seen);
    while (line.length > 0 && line.at[0] != ' ') {
        if (!facts_cut(&line, &key, &value))
            return FALSE;
        facts_one(key, value, row, &seen);
    }
    if (line.length == 0)
        return FALSE;
    row->name = listing_text_from(line, 1);
    return TRUE;
}
