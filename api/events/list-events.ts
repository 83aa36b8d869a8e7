import { Type } from 'typebox';
import { answerJson } from '#api/answers.ts';
import { openEventCursor, sealEventCursor } from '#api/events/event-cursor.ts';
import { declareRoute } from '#api/route.ts';
import { presentInstant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { OutboxEvent } from '#domain/ports/outbox.ts';

const text = Type.String();

const eventSchema = Type.Object(
  {
    event_id: Type.String({ description: 'The same however often the event is read.' }),
    type: text,
    occurred_at: Type.String({ format: 'date-time' }),
    subject: Type.Object({ type: text, id: text }),
    file_ids: Type.Array(Type.String({ format: 'uuid' })),
    data: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'Event' },
);

const eventListSchema = Type.Object(
  {
    items: Type.Array(eventSchema),
    next_cursor: Type.String({ description: 'Always there: `after` of the next request.' }),
  },
  { title: 'EventList' },
);

export const listEvents = declareRoute({
  method: 'GET',
  path: '/api/v1/events',
  name: 'listEvents',
  summary: 'What happened to files, in order, from a cursor on; none is left out',
  tag: 'events',
  policy: { action: 'files.read' },
  query: Type.Object(
    {
      after: Type.Optional(
        Type.String({ description: 'A next_cursor. Without it: from the oldest that is kept.' }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.eventPageSizeMax })),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: { description: 'Events', content: { 'application/json': eventListSchema } },
  },
  errors: ['REQUEST_INVALID', 'CURSOR_INVALID', 'EVENTS_CURSOR_EXPIRED', 'CATALOGUE_UNAVAILABLE'],
  steps: [
    async ({ services, query, context }) => {
      const { cursors, ports } = services;
      const { feed } = ports;
      // Read before the events: those of an older epoch never get a cursor of a newer one.
      const epoch = await feed.readEpoch();
      const after =
        query.after === undefined
          ? null
          : await openEventCursor(query.after, { cursors, feed, epoch });
      const events = await feed.readAfter(after, query.limit ?? limits.pageSizeDefault);
      context.set('Cache-Control', 'no-store');
      answerJson(context, 200, {
        items: events.map(presentEvent),
        next_cursor: sealEventCursor(cursors, epoch, events.at(-1) ?? after),
      });
    },
  ],
});

function presentEvent(event: OutboxEvent) {
  return {
    event_id: `${event.transactionId}-${event.sequence}`,
    type: event.type,
    occurred_at: presentInstant(event.occurredAt),
    subject: event.subject,
    file_ids: event.fileIds,
    data: event.data,
  };
}
