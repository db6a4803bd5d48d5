/**
 * Gives what the work gives, or what `late` gives or throws, should the work take longer. The work goes on: whoever
 * began it counts it until it ends.
 */
export async function withTimeLimit<Result, Late = never>(
  work: Promise<Result>,
  milliseconds: number,
  late: () => Late,
): Promise<Result | Late> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Late>((resolve, reject) => {
    timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, milliseconds);
  });
  return await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
