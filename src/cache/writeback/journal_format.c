/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as bytes, and back.
 *
 * A record is: mark (4 bytes), length of the body (4), checksum of the body (8, the beginning of
 * its SHA-256), body. All numbers are little-endian. The body has one layout for all types: type
 * (1), kind and precision of the state (1 and 1), mode (4), id, other, size, mtime, state's size
 * and mtime (8 each), then three strings, each with its length (2) before it.
 */
#include <gnutls/crypto.h>
#include <string.h>

#include "journal_private.h"

static const char header[] = "ftpsfs journal 1\n";
static const guint8 mark[] = {0xf1, 'J', 'r', '\n'};

#define HEADER_SIZE (sizeof header - 1)
#define FRAME_SIZE  16
#define FIXED_SIZE  (3 + 4 + 6 * 8)
#define BODY_MAX    (FIXED_SIZE + 3 * (2 + G_MAXUINT16))

JournalRecord journal_record(JournalType type, guint64 id)
{
    return (JournalRecord){.type = type,
                           .id = id,
                           .mode = G_MAXUINT32,
                           .mtime = G_MININT64,
                           .state = {.kind = JOURNAL_ABSENT, .mtime = G_MININT64},
                           .path = "",
                           .second = "",
                           .third = ""};
}

static void put_number(GByteArray *out, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++) {
        guint8 byte = (guint8)(value >> (8 * i));
        g_byte_array_append(out, &byte, 1);
    }
}

static void put_string(GByteArray *out, const char *text)
{
    gsize length = MIN(strlen(text), (gsize)G_MAXUINT16);
    put_number(out, length, 2);
    g_byte_array_append(out, (const guint8 *)text, (guint)length);
}

static void checksum(const guint8 *data, gsize length, guint8 sum[8])
{
    guint8 hash[32] = {0};
    gnutls_hash_fast(GNUTLS_DIG_SHA256, data, length, hash);
    memcpy(sum, hash, 8);
}

GByteArray *journal_header(void)
{
    GByteArray *out = g_byte_array_new();
    return g_byte_array_append(out, (const guint8 *)header, HEADER_SIZE);
}

GByteArray *journal_encode(const JournalRecord *record)
{
    g_autoptr(GByteArray) body = g_byte_array_new();
    put_number(body, record->type, 1);
    put_number(body, record->state.kind, 1);
    put_number(body, record->state.precision, 1);
    put_number(body, record->mode, 4);
    put_number(body, record->id, 8);
    put_number(body, record->other, 8);
    put_number(body, record->size, 8);
    put_number(body, (guint64)record->mtime, 8);
    put_number(body, record->state.size, 8);
    put_number(body, (guint64)record->state.mtime, 8);
    put_string(body, record->path);
    put_string(body, record->second);
    put_string(body, record->third);
    guint8 sum[8];
    checksum(body->data, body->len, sum);
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, mark, sizeof mark);
    put_number(out, body->len, 4);
    g_byte_array_append(out, sum, sizeof sum);
    return g_byte_array_append(out, body->data, body->len);
}

/* A body being read. */
typedef struct {
    const guint8 *at, *end;
    gboolean good;
} Cursor;

static guint64 take_number(Cursor *cursor, guint bytes)
{
    if ((gsize)(cursor->end - cursor->at) < bytes) {
        cursor->good = FALSE;
        return 0;
    }
    guint64 value = 0;
    for (guint i = 0; i < bytes; i++)
        value |= (guint64)cursor->at[i] << (8 * i);
    cursor->at += bytes;
    return value;
}

static char *take_string(Cursor *cursor)
{
    gsize length = (gsize)take_number(cursor, 2);
    if ((gsize)(cursor->end - cursor->at) < length || memchr(cursor->at, 0, length) != NULL) {
        cursor->good = FALSE;
        return g_strdup("");
    }
    char *text = g_strndup((const char *)cursor->at, length);
    cursor->at += length;
    return text;
}

static gboolean decode(const guint8 *data, gsize length, JournalText *text)
{
    Cursor cursor = {.at = data, .end = data + length, .good = TRUE};
    JournalRecord *record = &text->record;
    record->type = (JournalType)take_number(&cursor, 1);
    record->state.kind = (JournalKind)take_number(&cursor, 1);
    record->state.precision = (RemoteTime)take_number(&cursor, 1);
    record->mode = (guint32)take_number(&cursor, 4);
    record->id = take_number(&cursor, 8);
    record->other = take_number(&cursor, 8);
    record->size = take_number(&cursor, 8);
    record->mtime = (gint64)take_number(&cursor, 8);
    record->state.size = take_number(&cursor, 8);
    record->state.mtime = (gint64)take_number(&cursor, 8);
    record->path = text->path = take_string(&cursor);
    record->second = text->second = take_string(&cursor);
    record->third = text->third = take_string(&cursor);
    return cursor.good && cursor.at == cursor.end && record->type >= JOURNAL_PUT &&
           record->type < JOURNAL_TYPES && record->state.kind <= JOURNAL_AFTER &&
           record->state.precision <= REMOTE_TIME_SECOND && record->id != 0 &&
           record->id != G_MAXUINT64;
}

void journal_text_clear(JournalText *text)
{
    g_clear_pointer(&text->path, g_free);
    g_clear_pointer(&text->second, g_free);
    g_clear_pointer(&text->third, g_free);
}

/* The size of the record that begins here; 0: none does. */
static gsize read_record(const guint8 *data, gsize length, JournalText *text)
{
    if (length < FRAME_SIZE || memcmp(data, mark, sizeof mark) != 0)
        return 0;
    Cursor frame = {.at = data + sizeof mark, .end = data + FRAME_SIZE, .good = TRUE};
    gsize size = (gsize)take_number(&frame, 4);
    if (size > BODY_MAX || size > length - FRAME_SIZE)
        return 0;
    guint8 sum[8];
    checksum(data + FRAME_SIZE, size, sum);
    if (memcmp(sum, frame.at, sizeof sum) != 0)
        return 0;
    if (!decode(data + FRAME_SIZE, size, text)) {
        journal_text_clear(text);
        return 0;
    }
    return FRAME_SIZE + size;
}

void journal_parse(const guint8 *data, gsize length, JournalFunc func, gpointer user, gsize *torn,
                   guint *damaged)
{
    gsize at = 0;
    *torn = 0;
    *damaged = 0;
    if (length >= HEADER_SIZE && memcmp(data, header, HEADER_SIZE) == 0)
        at = HEADER_SIZE;
    gsize bad_since = at;
    while (at < length) {
        JournalText text = {0};
        gsize size = read_record(data + at, length - at, &text);
        if (size == 0) {
            const guint8 *next = memchr(data + at + 1, mark[0], length - at - 1);
            at = next != NULL ? (gsize)(next - data) : length;
            continue;
        }
        if (at > bad_since)
            ++*damaged;
        func(&text.record, user);
        journal_text_clear(&text);
        at += size;
        bad_since = at;
    }
    *torn = length - bad_since;
}
