<?php
declare(strict_types=1);

namespace Example;

final class Greeting
{
    public static function hello(string $name): string
    {
        return "Hello from $name";
    }
}
