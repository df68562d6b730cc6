import { setImmediate } from 'node:timers/promises'

/** Longer than this, in milliseconds, no work of ours holds the event loop: all of it together, in one turn. */
const longestTurn = 8

interface Turn {
  began: number
  end: Promise<void>
}

/** The one in which work of ours is going on, if any is. */
let turn: Turn | undefined

function current(): Turn {
  turn ??= {
    began: performance.now(),
    end: setImmediate().then(() => {
      turn = undefined
    }),
  }
  return turn
}

/** Whether this turn of the event loop has had its share of our work: then others have their turn, before more is done. */
export function isTurnOver(): boolean {
  return performance.now() - current().began > longestTurn
}

/** The next turn. Whoever wants one more piece of work at most in each asks again then: others may have been faster. */
export function nextTurn(): Promise<void> {
  return current().end
}
