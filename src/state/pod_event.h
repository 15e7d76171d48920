/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of captures that tell of pods: async events named k8s, as Falco's k8smeta plugin writes
 * them. Each is about one object, as JSON: reason (Create, Update, Delete), kind, uid, meta and
 * status (JSON in a text); and of a pod refs, the uids of what it belongs to. Objects come in any
 * order.
 */
#ifndef SAKER_STATE_POD_EVENT_H
#define SAKER_STATE_POD_EVENT_H

#include "state/pod_set.h"

/* What a capture has told so far. One thread's. */
struct pod_story;

struct pod_story *pod_story_new(void);
void pod_story_free(struct pod_story *s); /* NULL is fine */
/* True: a pod that containers are of has become another one. What is no such JSON is left out. */
bool pod_story_tell(struct pod_story *s, struct str json, struct pod_set *pods);

#endif
