using System.Globalization;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Regions;

/// <summary>
/// A region of interest: four fractions of the side of the padded square, and the one home of their arithmetic: as text, as
/// numbers, as pixels of the padded square and as pixels of the picture. The text is a Python list, <c>[0.0, 0.125, 0.8, 0.333]</c>.
/// </summary>
public readonly partial record struct Region
{
    /// <summary>The largest magnitude of a number: with the largest side, boxes stay well inside of 32-bit integers.</summary>
    public const double MaxMagnitude = 1000;

    /// <summary>A region of four numbers; those outside of 0 to 1 reach beyond the square, where there is black.</summary>
    /// <param name="left">The left side.</param>
    /// <param name="top">The upper side.</param>
    /// <param name="right">The right side.</param>
    /// <param name="bottom">The lower side.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not finite or beyond <see cref="MaxMagnitude"/>.</exception>
    public Region(double left, double top, double right, double bottom)
    {
        foreach (double value in (ReadOnlySpan<double>)[left, top, right, bottom])
        {
            if (!IsInRange(value))
                throw new ArgumentOutOfRangeException(nameof(left), value, $"A region's numbers lie within ±{MaxMagnitude}.");
        }
        (Left, Top, Right, Bottom) = (left, top, right, bottom);
    }

    /// <summary>The whole padded square.</summary>
    public static Region Full { get; } = new(0, 0, 1, 1);

    /// <summary>The left side, as a fraction of the padded square's side.</summary>
    public double Left { get; }

    /// <summary>The upper side, as a fraction of the padded square's side.</summary>
    public double Top { get; }

    /// <summary>The right side, as a fraction of the padded square's side.</summary>
    public double Right { get; }

    /// <summary>The lower side, as a fraction of the padded square's side.</summary>
    public double Bottom { get; }

    /// <summary>The region of a box of the picture's own pixels.</summary>
    /// <param name="box">The box.</param>
    /// <param name="square">The picture's padded square.</param>
    /// <exception cref="ArgumentOutOfRangeException">The box lies too far outside.</exception>
    public static Region FromPicture(PixelBox box, PaddedSquare square)
    {
        PixelBox inSquare = square.FromPicture(box);
        double side = square.Side;
        return new Region(inSquare.Left / side, inSquare.Top / side, inSquare.Right / side, inSquare.Bottom / side);
    }

    /// <summary>The crop on a padded square: each side times the number, rounded half to even, not clamped. Where that has no
    /// pixels the box is the whole square, and the problem says so.</summary>
    /// <param name="square">The padded square.</param>
    /// <param name="problem"><see cref="RegionProblem.InvertedBox"/>, <see cref="RegionProblem.EmptyBox"/>,
    /// <see cref="RegionProblem.OutOfRange"/> where it lies further outside than a crop reaches, or none.</param>
    public PixelBox ToCropBox(PaddedSquare square, out RegionProblem problem)
    {
        PixelBox box = ToPixels(square.Side);
        problem = box.Width < 0 || box.Height < 0 ? RegionProblem.InvertedBox
            : box.Width == 0 || box.Height == 0 ? RegionProblem.EmptyBox
            : !ResampleGeometry.CanCrop(box) ? RegionProblem.OutOfRange
            : RegionProblem.None;
        return problem == RegionProblem.None ? box : square.Box;
    }

    /// <summary>The region in pixels of a square, each number rounded half to even; may be empty, inverted or outside.</summary>
    /// <param name="side">The side of the square, at most <see cref="PaddedSquare.MaxSide"/>.</param>
    public PixelBox ToPixels(int side)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(side, PaddedSquare.MaxSide);
        return new PixelBox(Round(side * Left), Round(side * Top), Round(side * Right), Round(side * Bottom));

        static int Round(double pixels) => (int)Math.Round(pixels, MidpointRounding.ToEven);
    }

    /// <summary>The text of the region as a model is trained to write it: Python's repr of the four numbers, rounded to three
    /// decimals.</summary>
    public override string ToString() => $"[{Number(Left)}, {Number(Top)}, {Number(Right)}, {Number(Bottom)}]";

    /// <summary>Python's <c>repr(round(value, 3))</c>. The rounding is that of the exact binary value, half to even, which no
    /// product in double gives; the fused product compares the exact value with the half exactly.</summary>
    private static string Number(double value)
    {
        double magnitude = Math.Abs(value);
        double thousandths = Math.Floor(magnitude * 1000);
        double aboveHalf = Math.FusedMultiplyAdd(magnitude, 1000, -(thousandths + 0.5));
        if (aboveHalf > 0 || (aboveHalf == 0 && thousandths % 2 != 0))
            thousandths++;
        string sign = double.IsNegative(value) ? "-" : "";
        return sign + (thousandths / 1000).ToString("0.0##", CultureInfo.InvariantCulture);
    }

    private static bool IsInRange(double value) => Math.Abs(value) <= MaxMagnitude;
}
