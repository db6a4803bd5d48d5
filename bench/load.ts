/** A closed loop: so many clients, each asking again as soon as it is answered, for so long. */
import { Agent, request } from 'node:http';

export type Load = {
  readonly url: string;
  /** The body and the headers of the next request. */
  readonly next: () => { body: string; headers: Record<string, string> };
  readonly clients: number;
  readonly seconds: number;
  /** How long a client thinks before it asks again. */
  readonly pauseMs?: number;
};

export type Measured = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 201, by status. */
  readonly failures: Record<string, number>;
};

/** Puts the load on and measures. Latencies in milliseconds. */
export async function run({ url, next, clients, seconds, pauseMs = 0 }: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const started = performance.now();
  const end = started + seconds * 1_000;
  const client = async () => {
    while (performance.now() < end) {
      const before = performance.now();
      const status = await post(agent, url, next());
      if (status === 201) latencies.push(performance.now() - before);
      else failures[status] = (failures[status] ?? 0) + 1;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const elapsed = (performance.now() - started) / 1_000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (quantile: number) => latencies[Math.ceil(quantile * latencies.length) - 1] ?? Number.NaN;
  return { perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99), failures };
}

function post(agent: Agent, url: string, { body, headers }: ReturnType<Load['next']>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
