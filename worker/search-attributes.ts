/** Makes sure that the search attributes exist in the namespace. */
import { isGrpcServiceError } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../workflows/attributes.ts';

/** `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES = { KEYWORD: 2, INT: 3, KEYWORD_LIST: 7 } as const;

/** gRPC. */
const UNIMPLEMENTED = 12;

/**
 * Registers the search attributes that are missing. A server that lists none (the test server, Temporal Cloud) is given
 * them if it takes them; if it does not, they are to be registered there by its own means.
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<void> {
  const wanted = Object.values(SEARCH_ATTRIBUTES);
  const add = async (attributes: readonly { name: string; type: keyof typeof INDEXED_VALUE_TYPES }[]) => {
    const searchAttributes = Object.fromEntries(
      attributes.map(({ name, type }) => [name, INDEXED_VALUE_TYPES[type]]),
    );
    await connection.operatorService
      .addSearchAttributes({ namespace, searchAttributes })
      // Another process may have been quicker; whether they are there is checked either way.
      .catch((error: unknown) => {
        if (!/already exists/i.test(String(error)) && !isUnimplemented(error)) throw error;
      });
  };
  const missing = async () => {
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      return wanted.filter(({ name }) => !Object.hasOwn(customAttributes, name));
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      await add(wanted);
      return [];
    }
  };
  for (let attempt = 1; ; attempt++) {
    const absent = await missing();
    if (absent.length === 0) return;
    if (attempt > 50) {
      throw new Error(`Temporal did not register ${absent.map(({ name }) => name).join(', ')}`);
    }
    if (attempt === 1) await add(absent);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function isUnimplemented(error: unknown): boolean {
  return isGrpcServiceError(error) && (error.code as number) === UNIMPLEMENTED;
}
