namespace ChainOfSpot.Kernels.Lanes;

/// <summary>
/// Constants of the vector exponential: x = n ln 2 + r with |r| at most ln 2 / 2, e^x = 2^n p(r); p is the minimax
/// polynomial of degree 7 of Cephes' expf (S. Moshier, Methods and Programs for Mathematical Functions, 1989).
/// </summary>
internal static class ExpPolynomial
{
    public const float Lowest = -87.33654f;
    public const float Highest = 88.02f;
    public const float Log2E = 1.44269504f;
    public const float Ln2High = 0.693359375f;
    public const float Ln2Low = -2.12194440e-4f;
    public const float C7 = 1.9875691500e-4f;
    public const float C6 = 1.3981999507e-3f;
    public const float C5 = 8.3334519073e-3f;
    public const float C4 = 4.1665795894e-2f;
    public const float C3 = 1.6666665459e-1f;
}
