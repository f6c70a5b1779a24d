namespace ChainOfSpot.Regions;

/// <summary>
/// The beginning of a region text, and which symbols may follow so that it still becomes a legal one: a list of four numbers
/// from 0 to 1 as Python prints them, rounded to three decimals (<c>0.5</c>, never <c>0.50</c>), left below right and top below
/// bottom. A symbol is a character of the text, except for the comma, which stands for itself and the blank behind it.
/// </summary>
internal struct RegionPrefix
{
    /// <summary>All symbols.</summary>
    public const string Symbols = "[0123456789.,]";

    /// <summary>A text that no legal one is shorter than.</summary>
    public const string Shortest = "[0.0, 0.0, 0.1, 0.1]";

    /// <summary>A text that no legal one is longer than.</summary>
    public const string Longest = "[0.001, 0.001, 0.999, 0.999]";

    private const int Thousand = 1000;
    private const int MostDigits = 3;
    private const int Numbers = 4;

    private Place _place;

    /// <summary>Which of the numbers is being written.</summary>
    private int _number;
    private bool _isOne;

    /// <summary>Digits behind the point, and their value.</summary>
    private int _digits;
    private int _value;
    private int _left;
    private int _top;

    private enum Place
    {
        Start,
        Lead,
        Point,
        Digits,
        End,
    }

    /// <summary>Whether the text is whole.</summary>
    public readonly bool IsComplete => _place == Place.End;

    /// <summary>The smallest value of the present number, in thousandths.</summary>
    private readonly int Least => _number switch { 2 => _left + 1, 3 => _top + 1, _ => 0 };

    /// <summary>The largest value of the present number, in thousandths.</summary>
    private readonly int Most => _number < 2 ? Thousand - 1 : Thousand;

    /// <summary>The value that the present number has if it ends here, in thousandths.</summary>
    private readonly int Value => _isOne ? Thousand : _value * Scale(_digits);

    /// <summary>Whether a legal text goes on with this symbol.</summary>
    public readonly bool Allows(char symbol) => _place switch
    {
        Place.Start => symbol == '[',
        Place.Lead => symbol == '0' ? Least < Thousand : symbol == '1' && Most == Thousand,
        Place.Point => symbol == '.',
        Place.Digits when char.IsAsciiDigit(symbol) => _isOne ? _digits == 0 && symbol == '0' : AllowsDigit(symbol - '0'),
        Place.Digits => symbol == (_number < Numbers - 1 ? ',' : ']') && _digits == (_isOne ? 1 : Digits(Value)) && Value >= Least && Value <= Most,
        _ => false,
    };

    /// <summary>Goes on with a symbol that is allowed.</summary>
    public void Append(char symbol)
    {
        switch (_place)
        {
            case Place.Start:
                _place = Place.Lead;
                break;
            case Place.Lead:
                _isOne = symbol == '1';
                _place = Place.Point;
                break;
            case Place.Point:
                _place = Place.Digits;
                break;
            case Place.Digits when char.IsAsciiDigit(symbol):
                _value = (_value * 10) + symbol - '0';
                _digits++;
                break;
            default:
                EndNumber();
                break;
        }
    }

    private readonly bool AllowsDigit(int digit)
    {
        int digits = _digits + 1;
        if (digits > MostDigits)
            return false;
        int scale = Scale(digits);
        int first = ((_value * 10) + digit) * scale;
        for (int value = Math.Max(first, Least); value <= Math.Min(first + scale - 1, Most); value++)
        {
            if (Digits(value) >= digits)
                return true;
        }
        return false;
    }

    private void EndNumber()
    {
        if (_number == 0)
            _left = Value;
        else if (_number == 1)
            _top = Value;
        _number++;
        _place = _number == Numbers ? Place.End : Place.Lead;
        _isOne = false;
        _digits = 0;
        _value = 0;
    }

    /// <summary>Digits that Python prints behind the point of so many thousandths, which are less than 1000.</summary>
    private static int Digits(int thousandths) => thousandths % 100 == 0 ? 1 : thousandths % 10 == 0 ? 2 : MostDigits;

    /// <summary>Thousandths in a unit of the last of so many digits.</summary>
    private static int Scale(int digits) => digits switch { 1 => 100, 2 => 10, MostDigits => 1, _ => Thousand };
}
