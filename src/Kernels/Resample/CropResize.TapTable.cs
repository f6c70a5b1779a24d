namespace ChainOfSpot.Kernels;

/// <content>The taps of one axis, as both passes read them.</content>
public static unsafe partial class CropResize
{
    /// <summary>
    /// For each output: the first pixel of the picture that it reads, how many, their weights in a high and a low part, and
    /// the summed weights of margin, outside and pad.
    /// </summary>
    private readonly struct TapTable
    {
        private readonly int _outputs;
        private readonly int _stride;
        private readonly short* _weights;

        public TapTable(in ResampleAxis axis, byte* at)
        {
            _outputs = axis.Output;
            _stride = Stride(axis);
            First = (int*)at;
            Count = First + _outputs;
            Margin = Count + _outputs;
            Outside = Margin + _outputs;
            Pad = Outside + _outputs;
            _weights = (short*)(Pad + _outputs);
            End = at + Bytes(axis);
        }

        public int* First { get; }

        public int* Count { get; }

        public int* Margin { get; }

        public int* Outside { get; }

        public int* Pad { get; }

        public byte* End { get; }

        public static long Bytes(in ResampleAxis axis) =>
            ((axis.Output * (5L * sizeof(int) + 2L * Stride(axis) * sizeof(short))) + 63) & ~63L;

        public short* High(int output) => _weights + ((long)output * 2 * _stride);

        public short* Low(int output) => High(output) + _stride;

        public int Weight(int output, int tap) => (High(output)[tap] << BicubicWindow.LowBits) + Low(output)[tap];

        public int PictureWeight(int output)
        {
            int sum = 0;
            for (int tap = 0; tap < Count[output]; tap++)
                sum += Weight(output, tap);
            return sum;
        }

        /// <summary>
        /// Computes the table; first pixels count from <paramref name="origin"/>, counts are multiples of <paramref name="block"/>.
        /// </summary>
        public void Fill(in ResampleAxis axis, int origin, int block)
        {
            for (int output = 0; output < _outputs; output++)
            {
                var window = new BicubicWindow(axis, output);
                int first = Math.Clamp(window.First, axis.VisibleStart, axis.VisibleEnd);
                int end = Math.Clamp(window.End, axis.VisibleStart, axis.VisibleEnd);
                Margin[output] = Outside[output] = Pad[output] = 0;
                new Span<short>(High(output), 2 * _stride).Clear();
                for (int position = window.First; position < window.End; position++)
                {
                    int weight = window.Weight(position);
                    if (position >= first && position < end)
                    {
                        High(output)[position - first] = (short)(weight >> BicubicWindow.LowBits);
                        Low(output)[position - first] = (short)(weight & ((1 << BicubicWindow.LowBits) - 1));
                    }
                    else if (position < axis.CropStart || position >= axis.CropEnd)
                    {
                        Margin[output] += weight;
                    }
                    else if (position < axis.SquareStart || position >= axis.SquareEnd)
                    {
                        Outside[output] += weight;
                    }
                    else
                    {
                        Pad[output] += weight;
                    }
                }
                First[output] = first == end ? 0 : first - axis.PictureStart - origin;
                Count[output] = (end - first + block - 1) / block * block;
            }
        }

        public static int Stride(in ResampleAxis axis) =>
            (Math.Min(BicubicWindow.MaxTaps(axis), axis.VisibleEnd - axis.VisibleStart) + TapBlock - 1) / TapBlock * TapBlock;
    }
}
