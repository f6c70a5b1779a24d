using ChainOfSpot.Images;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Sessions;

/// <summary>What an image in a prompt shows: never the path of a file or the number of a placeholder.</summary>
/// <param name="Picture">The pixels of the picture.</param>
/// <param name="Box">The box of its padded square that is cropped; null for all of it.</param>
internal readonly record struct ImageKey(PixelHash Picture, PixelBox? Box);
