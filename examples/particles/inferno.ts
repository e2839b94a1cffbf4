/**
 * Seventeen stops, evenly spaced, of the perceptually uniform colour map "inferno" by Nathaniel Smith
 * and Stefan van der Walt (CC0), https://bids.github.io/colormap/, as in matplotlib. Red, green, blue, 0 to 255.
 * The page of the live view has the same ones, so this file knows neither Node nor the DOM.
 */
export const infernoStops = (
  '000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 ' +
  'd04545 e35933 f1711f f98c0a fcaa0f f9c932 f2e865 fcffa4'
)
  .split(' ')
  .map(stop => [0, 2, 4].map(at => Number.parseInt(stop.slice(at, at + 2), 16)))
