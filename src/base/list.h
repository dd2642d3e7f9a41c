/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Intrusive circular list: embed struct list, recover the owner with container_of(). */
#include "base/macros.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

/* Also fine for an item that is in no list but initialised. */
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* The current item may be removed inside the loop. */
#define list_for_each(head, it)                                                        \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);       \
	     it = it##_next, it##_next = it->next)
