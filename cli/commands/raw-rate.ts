/** How fast this machine reads the log when nothing is done with it: what a rebuild is measured against. */
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { streamName } from '../../contracts/subjects.ts';
import type { Context } from '../command.ts';

/** As many as the projector asks for. */
const AHEAD_MESSAGES = 2_000;

/** Messages a second of an ordered consumer, from the log's first message to its end now. */
export async function measureRawRate({
  connect,
  ledger,
}: Pick<Context, 'connect' | 'ledger'>): Promise<number> {
  const { nc, reader } = await connect();
  const last = await reader.lastPosition();
  if (last === 0) return 0;
  const consumer = await jetstream(nc).consumers.get(streamName(ledger), {
    deliver_policy: DeliverPolicy.All,
  });
  const began = performance.now();
  const delivered = await consumer.consume({ max_messages: AHEAD_MESSAGES });
  for await (const message of delivered) if (message.seq >= last) break;
  const seconds = (performance.now() - began) / 1_000;
  await delivered.close();
  return Math.round(last / seconds);
}
